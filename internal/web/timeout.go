package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// requestKey is the context key of a request's context without a time limit.
type requestKey struct{}

// Timeout gives each request a context that ends after limit, which ends every
// wait of a handler. The transport answers the error. A body that has not arrived
// by then cannot be read further: the error is os.ErrDeadlineExceeded. If limit
// is 0, requests are not limited.
func Timeout(limit time.Duration, next http.Handler) http.Handler {
	if limit <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), requestKey{}, r.Context()), limit)
		defer cancel()
		r = r.WithContext(ctx)
		if deadline, _ := ctx.Deadline(); r.ContentLength != 0 {
			control := http.NewResponseController(w)
			if control.SetReadDeadline(deadline) == nil {
				r.Body = &timedBody{ReadCloser: r.Body, control: control}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// timedBody removes the read deadline at the end of the body. net/http reads
// further, and takes an error for a client that has disconnected.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{}) // it could be set
	}
	return n, err
}

// WithoutTimeout returns a context for a request that stays open: it ends with
// the request, but has no time limit. The caller calls the returned function
// when the request is answered.
func WithoutTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	request, limited := ctx.Value(requestKey{}).(context.Context)
	if !limited {
		return context.WithCancel(ctx)
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(request, func() { cancel(context.Cause(request)) })
	return ctx, func() { stop(); cancel(context.Canceled) }
}
