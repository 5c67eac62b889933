package store_test

import (
	"testing"

	"github.com/google/uuid"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// BenchmarkStore_CreateSession measures what a login writes, without and with its
// event in the journal.
func BenchmarkStore_CreateSession(b *testing.B) {
	for name, options := range map[string]func(b *testing.B) store.Options{
		"SQLite":   func(b *testing.B) store.Options { return store.Options{Path: b.TempDir() + "/rekey.db"} },
		"Postgres": func(b *testing.B) store.Options { return store.Options{URL: throwaway.Postgres(b)} },
	} {
		s := open(b, options(b))
		u, r := signUp(b, s)
		st, err := s.SessionState(b.Context(), r.SessionID, r.Current)
		if err != nil {
			b.Fatal(err)
		}
		event := auth.Event{Kind: auth.EventLogin, UserID: u.ID, SessionID: r.SessionID, Client: auth.Client{
			Address: "192.0.2.1", RequestID: "0123456789abcdef0123456789abcdef", Transport: "graphql",
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		}}
		for variant, e := range map[string]*auth.Event{"without event": nil, "with event": &event} {
			b.Run(name+"/"+variant, func(b *testing.B) {
				for b.Loop() {
					st.Session.ID = uuid.NewString()
					if _, err := s.CreateSession(b.Context(), auth.NewSession{Session: st.Session, PasswordHash: u.PasswordHash}, e); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
