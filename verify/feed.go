package verify

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// maxSilence ends a connection on which nothing arrives: rekey sends a
	// heartbeat every 15 s, and two may be lost.
	maxSilence = 35 * time.Second
	retryFirst = 100 * time.Millisecond
	retryMax   = 5 * time.Second
	maxEvent   = 64 << 10 // bytes
)

const feedDocument = `subscription($since: DateTime) {
  blacklistEvents(since: $since) { kind sessionId secretHash issuedBefore use at effectiveAt expiresAt }
}`

// event is an event of the feed.
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

// follow keeps the blacklist up to date until ctx ends.
func (v *Verifier) follow(ctx context.Context) {
	var since time.Time // up to when all events have arrived, by rekey's clock; zero: none have
	for wait := retryFirst; ; wait = min(2*wait, retryMax) {
		previous := since
		err := v.connect(ctx, &since)
		if ctx.Err() != nil {
			return
		}
		v.o.Logger.Warn("following rekey's blacklist failed; will retry", "error", err)
		if since.After(previous) {
			wait = retryFirst
		}
		select {
		case <-v.o.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// connect follows the feed until the connection ends. Heartbeats advance since.
func (v *Verifier) connect(ctx context.Context, since *time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	messages, ended := make(chan []byte), make(chan error, 1)
	go func() { ended <- v.stream(ctx, *since, messages) }()
	for {
		select {
		case data := <-messages:
			if err := v.apply(data, since); err != nil {
				return err
			}
		case err := <-ended:
			return err
		case <-v.o.After(maxSilence):
			return errors.New("no event and no heartbeat for too long")
		}
	}
}

// stream opens a connection and sends its messages to a channel.
func (v *Verifier) stream(ctx context.Context, since time.Time, messages chan<- []byte) error {
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

// readEvents reads server-sent events and passes the data of each `next` to
// handle, until the stream ends.
func readEvents(r io.Reader, handle func(data []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	name, data := "", []byte(nil)
	for lines.Scan() {
		line := lines.Bytes()
		switch field, value, _ := bytes.Cut(line, []byte(":")); string(field) {
		case "event":
			name = string(bytes.TrimPrefix(value, []byte(" ")))
		case "data":
			data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
		}
		if len(line) > 0 {
			if len(data) > maxEvent {
				return errors.New("an event is too long")
			}
			continue
		}
		if name == "complete" {
			return io.EOF
		}
		if name == "next" && len(data) > 0 {
			if err := handle(data); err != nil {
				return err
			}
		}
		name, data = "", nil
	}
	return errors.Join(lines.Err(), io.ErrUnexpectedEOF)
}

// apply adds an event to the blacklist. A heartbeat means that the blacklist is
// complete up to its time.
func (v *Verifier) apply(data []byte, since *time.Time) error {
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
		return fmt.Errorf("rekey answered: %s (%s %s)", e.Message, e.Extensions.Code, e.Extensions.Reason)
	}
	e := message.Data.BlacklistEvents
	if e == nil {
		return errors.New("a message without an event")
	}
	now := v.o.Now()
	switch {
	case e.Kind == "HEARTBEAT":
		v.blacklist.setComplete(now, v.o.ClockLeeway)
		*since = e.At
		v.checkReady()
		return nil
	case e.Use == "REFRESH":
		return nil // only rekey accepts refresh tokens
	}
	r, err := e.rule(now)
	if err != nil {
		return err
	}
	return v.blacklist.add(e.SessionID, r)
}

// rule returns the rule of an event that arrives at now. If this clock is behind
// rekey's, the event's delay counts from now, so that the rule is not late.
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
		return rule{}, errors.New("an event with an invalid hash")
	}
	r.secret = [sha256.Size]byte(hash)
	return r, nil
}
