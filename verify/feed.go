package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	// silence is how long nothing may come: two of the heartbeats of 15 s.
	silence    = 35 * time.Second
	retryFirst = 100 * time.Millisecond
	retryMax   = 5 * time.Second
)

const feedDocument = `subscription($since: DateTime) {
  blacklistEvents(since: $since) { kind sessionId secretHash issuedBefore use at effectiveAt expiresAt }
}`

// event is one of the feed's.
type event struct {
	Kind         string
	SessionID    string
	SecretHash   string
	IssuedBefore time.Time
	Use          string
	At           time.Time
	EffectiveAt  time.Time
	ExpiresAt    time.Time
}

// follow keeps the blacklist until ctx ends.
func (v *Verifier) follow(ctx context.Context) {
	var told time.Time // up to when all is known; zero: nothing is
	for wait := retryFirst; ; wait = min(2*wait, retryMax) {
		before := told
		err := v.session(ctx, &told)
		if ctx.Err() != nil {
			return
		}
		v.o.Logger.Warn("following rekey's blacklist failed, it is tried again", "error", err)
		if told.After(before) {
			wait = retryFirst
		}
		select {
		case <-v.o.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

var errSilence = errors.New("nothing came for too long")

// session follows for as long as one connection lasts.
func (v *Verifier) session(ctx context.Context, told *time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	messages, ended := make(chan []byte), make(chan error, 1)
	go func() { ended <- v.stream(ctx, *told, messages) }()
	for {
		select {
		case data := <-messages:
			if err := v.hear(data, told); err != nil {
				return err
			}
		case err := <-ended:
			return err
		case <-v.o.After(silence):
			return errSilence
		}
	}
}

// stream opens a connection and hands its messages on.
func (v *Verifier) stream(ctx context.Context, told time.Time, messages chan<- []byte) error {
	since := told
	if since.IsZero() {
		since = v.o.Now().Add(-v.o.AccessTTL - v.o.ClockLeeway)
	}
	body, err := json.Marshal(map[string]any{"query": feedDocument, "variables": map[string]any{"since": since.UTC()}})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.o.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("X-API-Key", v.o.APIKey)
	res, err := v.o.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return readEvents(res.Body, func(data []byte) error {
		select {
		case messages <- data:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// hear takes one message.
func (v *Verifier) hear(data []byte, told *time.Time) error {
	var message struct {
		Data   struct{ BlacklistEvents *event }
		Errors []struct {
			Message    string
			Extensions struct{ Code, Reason string }
		}
	}
	if err := json.Unmarshal(data, &message); err != nil {
		return fmt.Errorf("reading an event: %w", err)
	}
	if len(message.Errors) > 0 {
		e := message.Errors[0]
		return fmt.Errorf("rekey says: %s (%s %s)", e.Message, e.Extensions.Code, e.Extensions.Reason)
	}
	e := message.Data.BlacklistEvents
	if e == nil {
		return errors.New("an answer without an event")
	}
	now := v.o.Now()
	if e.Kind == "HEARTBEAT" {
		v.list.complete(now, v.o.ClockLeeway)
		*told = e.At
		v.noteReady()
		return nil
	}
	if e.Use == "REFRESH" {
		return nil // nobody but rekey takes refresh tokens
	}
	r, err := e.rule(now)
	if err != nil {
		return err
	}
	return v.list.add(e.SessionID, r)
}

// rule turns an event, heard at a moment, into what is kept of it. Its delay is
// counted from that moment where this clock is behind rekey's.
func (e event) rule(now time.Time) (rule, error) {
	r := rule{before: e.IssuedBefore, from: e.EffectiveAt, expires: e.ExpiresAt}
	if latest := now.Add(e.EffectiveAt.Sub(e.At)); latest.Before(r.from) {
		r.from = latest
	}
	if e.SecretHash == "" {
		return r, nil
	}
	hash, err := hex.DecodeString(e.SecretHash)
	if err != nil || len(hash) != sha256.Size {
		return rule{}, errors.New("an event with a hash that is none")
	}
	r.secret = [sha256.Size]byte(hash)
	return r, nil
}
