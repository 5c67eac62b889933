package store_test

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
)

func TestOpen_Wait(t *testing.T) {
	t.Parallel()
	server := throwaway.StartPostgres(t)
	address := server.URL()
	log := &logcheck.Text{}
	t.Cleanup(func() { logcheck.Check(t, log.String()) })
	o := store.Options{URL: address, Wait: time.Minute, Logger: slog.New(slog.NewTextHandler(log, nil))}
	t.Run("WrongPassword", func(t *testing.T) {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(u.User.Username(), "hunter2")
		wrong := o
		wrong.URL = u.String()
		if s, err := store.Open(t.Context(), wrong); err == nil {
			t.Errorf("Open succeeded; close: %v", s.Close())
		}
		if strings.Contains(log.String(), "waiting") {
			t.Errorf("Open waited although the password is wrong: %s", log)
		}
	})
	server.Stop()
	t.Run("TimesOut", func(t *testing.T) {
		short := o
		short.Wait = 300 * time.Millisecond
		_, err := store.Open(t.Context(), short)
		if err == nil || auth.AsError(err).Code != auth.CodeUnavailable || !strings.Contains(auth.AsError(err).Err.Error(), "waited 300ms for the database") {
			t.Errorf("error is %v (%v)", err, auth.AsError(err).Err)
		}
	})
	t.Run("ComesUp", func(t *testing.T) {
		log := &logcheck.Text{}
		t.Cleanup(func() { logcheck.Check(t, log.String()) })
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
		done := make(chan error, 1)
		go func() {
			s, err := store.Open(t.Context(), o)
			if err == nil {
				err = s.Close()
			}
			done <- err
		}()
		eventually(t, func() bool { return strings.Contains(log.String(), "waiting") })
		server.Restart()
		if err := <-done; err != nil || !strings.Contains(log.String(), "the database answers") {
			t.Errorf("%v; log: %s", err, log)
		}
	})
}
