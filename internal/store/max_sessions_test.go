package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// TestLogin_MaxSessions: simultaneous logins, on several replicas, leave exactly
// the maximum of sessions.
func TestLogin_MaxSessions(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		testMaxSessions(t, open(t, store.Options{Path: sqlitePath(t)}))
	})
	t.Run("Postgres", func(t *testing.T) {
		url := throwaway.Postgres(t)
		testMaxSessions(t, open(t, store.Options{URL: url}), open(t, store.Options{URL: url}), open(t, store.Options{URL: url}))
	})
}

func testMaxSessions(t *testing.T, replicas ...*store.Store) {
	const racers = 8
	for maximum := 1; maximum <= 3; maximum++ {
		cores := make([]*auth.Service, len(replicas))
		for i, s := range replicas {
			core, err := auth.New(auth.Options{
				Settings: auth.Settings{
					AccessTTL: time.Minute, RefreshTTL: time.Hour, SessionTTL: time.Hour, ClockLeeway: time.Hour, MaxSessions: maximum,
				},
				Store: s, Tokens: surroundings{}, Blacklist: surroundings{}, Limiter: surroundings{}, Events: surroundings{},
				Passwords: auth.NewPasswords(4, racers, nil), Now: time.Now, RotationKeys: auth.FixedKeys(make([]byte, 32)),
			})
			if err != nil {
				t.Fatal(err)
			}
			cores[i] = core
		}
		in := auth.LoginInput{Email: fmt.Sprintf("ada%d@example.org", maximum), Password: "correct horse battery"}
		g, err := cores[0].SignUp(t.Context(), auth.SignUpInput{Name: "Ada", Email: in.Email, Password: in.Password}, auth.Client{})
		if err != nil {
			t.Fatal(err)
		}
		var logins sync.WaitGroup
		for i := range racers {
			logins.Go(func() {
				client := auth.Client{Address: fmt.Sprintf("192.0.2.%d", i)} // one hash waits for each network
				if _, err := cores[i%len(cores)].Login(t.Context(), in, client); err != nil {
					t.Error(err)
				}
			})
		}
		logins.Wait()
		left, err := replicas[0].Sessions(t.Context(), g.User.ID, time.Now(), 2*racers)
		if err != nil || len(left) != maximum {
			t.Errorf("%d sessions are left of %d (%v)", len(left), maximum, err)
		}
	}
}
