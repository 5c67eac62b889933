package auth

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
)

func TestLogError(t *testing.T) {
	const session = "0195c7c0-0000-7000-8000-000000000002"
	client := WithClient(t.Context(), Client{RequestID: "r"})
	known := WithClient(t.Context(), Client{RequestID: "r"})
	logSession(known, session)
	gone, leave := context.WithCancel(client)
	leave()
	late, end := context.WithTimeout(client, 0)
	defer end()
	for name, tt := range map[string]struct {
		ctx   context.Context
		err   *Error
		field string
		want  string
	}{
		"nothing more to say": {client, RateLimited(0), "", `level=INFO msg="request refused" transport=graphql code=RATE_LIMITED request_id=r`},
		"a limit": {WithClient(t.Context(), Client{RequestID: "r", Address: "192.0.2.7"}), RateLimited(0).By(Limit{Name: "login_pair", By: "account and address"}), "",
			`level=INFO msg="request refused" transport=graphql code=RATE_LIMITED limit=login_pair limit_key="account and address" address=192.0.2.7 request_id=r`},
		"all there is": {known, &Error{Code: CodeUnauthenticated, Reason: ReasonTokenReused, Err: errors.New("used twice")}, "me",
			`level=INFO msg="request refused" transport=graphql field=me code=UNAUTHENTICATED reason=TOKEN_REUSED request_id=r session_id=` + session + ` error="used twice"`},
		"outage":            {client, Unavailable(errors.New("no database")), "me", `level=WARN msg="request failed" transport=graphql field=me code=UNAVAILABLE request_id=r error="no database"`},
		"ours":              {gone, &Error{Code: CodeInternal, Err: errors.New("x")}, "", `level=ERROR msg="request failed" transport=graphql code=INTERNAL request_id=r error=x`},
		"who seems gone":    {gone, RateLimited(0), "", `level=INFO msg="request refused" transport=graphql code=RATE_LIMITED request_id=r`},
		"time is up":        {late, Unavailable(context.DeadlineExceeded), "", `level=WARN msg="request failed" transport=graphql code=UNAVAILABLE request_id=r error="context deadline exceeded"`},
		"cut off":           {gone, Unavailable(context.Canceled), "", ""},
		"outside a request": {t.Context(), RateLimited(0), "", `level=INFO msg="request refused" transport=graphql code=RATE_LIMITED`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}))
			LogError(tt.ctx, log, TransportGraphQL, tt.err, slog.String("field", tt.field))
			if got := string(bytes.TrimSpace(out.Bytes())); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
