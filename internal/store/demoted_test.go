package store_test

import (
	"net/url"
	"strings"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// A primary that becomes read-only without closing a connection is left for the
// server that accepts writes, if one of the URL's hosts does or if its only host
// leads to it now. Until then nothing is read, because the data may be old.
func TestStore_PostgresDemoted(t *testing.T) {
	t.Parallel()
	for name, hosts := range map[string]func(primary, standby string) (host string, redirect func()){
		"OneHost": func(primary, standby string) (string, func()) {
			p := throwaway.NewProxy(t, primary)
			return p.Addr(), func() { p.Redirect(standby) }
		},
		"SeveralHosts": func(primary, standby string) (string, func()) {
			return standby + "," + primary, func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			primary := throwaway.StartPostgres(t)
			standby, err := primary.OpenStandby("copy", primary.Addr())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = standby.Close() })
			host, redirect := hosts(primary.Addr(), standby.Addr())
			u, err := url.Parse(primary.URL())
			if err != nil {
				t.Fatal(err)
			}
			address := strings.Replace(u.String(), u.Host, host, 1)
			s := open(t, store.Options{URL: address, MaxOpenConns: 4})
			_, r := signUp(t, s)
			db := connect(t, strings.Replace(u.String(), u.Host, standby.Addr(), 1))
			eventually(t, func() bool {
				found := false
				err := db.QueryRow("SELECT EXISTS (SELECT FROM sessions WHERE id = $1)", r.SessionID).Scan(&found)
				return err == nil && found
			})
			for _, statement := range []string{"ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"} {
				if err := primary.Exec(statement); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, func() bool {
				err := s.CheckWrite(t.Context())
				if err != nil && store.WriteProblem(auth.Cause(err)) != "it accepts no writes" {
					t.Fatalf("error is %v", auth.Cause(err))
				}
				return err != nil
			})
			if _, err := s.SessionState(t.Context(), r.SessionID, r.Current); err == nil || auth.AsError(err).Code != auth.CodeUnavailable {
				t.Errorf("a read from a server whose data may be old: error is %v, want UNAVAILABLE", err)
			}
			if err := standby.Promote(); err != nil {
				t.Fatal(err)
			}
			redirect()
			eventually(t, func() bool { return s.CheckWrite(t.Context()) == nil })
			rotateTimes(t, s, r, 5)
		})
	}
}
