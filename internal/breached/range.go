package breached

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

const (
	prefixDigits = 5       // the part of a hash that leaves the process
	maxResponse  = 1 << 20 // bytes; a response has about 80 KB
	maxLine      = 128     // bytes
)

// ranges is a range API, as Have I Been Pwned has it: it gets the first digits of a
// hash, and answers with the rest of all hashes that begin with them.
type ranges struct {
	url    string
	client *http.Client
}

func (r *ranges) contains(ctx context.Context, hash string) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+hash[:prefixDigits], http.NoBody)
	if err != nil {
		return false, fmt.Errorf("creating the request: %w", withoutURL(err))
	}
	request.Header.Set("Add-Padding", "true") // the size of the answer must not reveal the digits
	request.Header.Set("Accept", "text/plain")
	request.Header.Set("User-Agent", "rekey")
	response, err := r.client.Do(request)
	if err != nil {
		return false, fmt.Errorf("asking the range API: %w", withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("the range API answered %d", response.StatusCode)
	}
	return find(response.Body, hash[prefixDigits:])
}

// find reports whether a response has the rest of a hash. It reads all of the
// response, so that the connection can be used again and a hit takes as long as a
// miss.
func find(body io.Reader, suffix string) (found bool, err error) {
	limited := &io.LimitedReader{R: body, N: maxResponse + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	for lines.Scan() {
		if lines.Text() == "" {
			continue
		}
		digits, padding, err := entry(lines.Text())
		if err == nil && len(digits) != len(suffix) {
			err = errNotAnEntry
		}
		if err != nil {
			return found, fmt.Errorf("reading the answer of the range API: %w", err)
		}
		found = found || digits == suffix && !padding
	}
	switch err := lines.Err(); {
	case limited.N <= 0:
		return found, fmt.Errorf("the answer of the range API is longer than %d bytes", maxResponse)
	case err != nil:
		return found, fmt.Errorf("reading the answer of the range API: %w", err)
	}
	return found, nil
}

// withoutURL returns the cause of an error of net/http, which repeats the URL with
// the digits in it.
func withoutURL(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return urlErr.Err
	}
	return err
}
