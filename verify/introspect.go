package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// whenStale decides about an otherwise valid token while the blacklist is stale.
func (v *Verifier) whenStale(ctx context.Context, token string) error {
	if v.o.WhenStale == Refuse {
		return fmt.Errorf("%w: the blacklist is out of date", ErrUnavailable)
	}
	select {
	case v.introspections <- struct{}{}:
		defer func() { <-v.introspections }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
	active, err := v.introspect(ctx, token)
	switch {
	case err != nil:
		return fmt.Errorf("%w: introspecting: %w", ErrUnavailable, err)
	case !active:
		return fmt.Errorf("%w: it is not active", ErrInvalid)
	}
	return nil
}

// introspect asks rekey whether an access token is active (RFC 7662).
func (v *Verifier) introspect(ctx context.Context, token string) (active bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.o.URL+"/oauth/introspect", strings.NewReader(form))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+v.o.APIKey)
	res, err := v.o.Client.Do(req)
	if err != nil {
		return false, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return false, fmt.Errorf("status %d", res.StatusCode)
	}
	data, err := readBody(res.Body)
	if err != nil {
		return false, err
	}
	var answer struct {
		Active *bool
		Type   string `json:"token_type"`
	}
	if json.Unmarshal(data, &answer) != nil || answer.Active == nil {
		return false, errors.New("the answer does not say whether the token is active")
	}
	return *answer.Active && answer.Type == "Bearer", nil
}
