package store_test

import (
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// A parameter that can never work, and a database that is not UTF-8, end Open at
// once, with the reason.
func TestOpen_PostgresUnusable(t *testing.T) {
	t.Parallel()
	server := throwaway.StartPostgres(t)
	if err := server.Exec("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	latin, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	latin.Path = "/latin"
	for name, test := range map[string]struct{ url, want string }{
		"UnknownParameter":   {server.URL() + "&sslmod=disable", `"sslmod"`},
		"Restart":            {server.URL() + "&shared_buffers=1GB", `"shared_buffers"`},
		"BadValue":           {server.URL() + "&statement_timeout=soon", `"statement_timeout"`},
		"UnknownInOptions":   {server.URL() + "&options=-c%20nonsense%3D1", `"nonsense"`},
		"CommandLineOptions": {server.URL() + "&options=--nonsense", "nonsense"},
		"Encoding":           {latin.String(), "LATIN1"},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			_, err := store.Open(t.Context(), store.Options{URL: test.url, Wait: 10 * time.Minute})
			checkUnusable(t, err, test.want)
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("took %s", took)
			}
		})
	}
}

// A changed password is read for new connections, and the URL is read only when
// the server refuses the one that is known.
func TestStore_PostgresPasswordChanged(t *testing.T) {
	t.Parallel()
	server := throwaway.StartPostgres(t)
	for _, statement := range []string{"CREATE ROLE app SUPERUSER LOGIN PASSWORD 'first'", "CREATE DATABASE app OWNER app"} {
		if err := server.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	address := func(password string) string {
		u, err := url.Parse(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		u.User, u.Path = url.UserPassword("app", password), "/app"
		return u.String()
	}
	var current atomic.Value
	var reads atomic.Int64
	current.Store(address("first"))
	s := open(t, store.Options{URL: address("first"), MaxOpenConns: 4, ReadURL: func() (string, error) {
		reads.Add(1)
		return current.Load().(string), nil
	}})
	if _, err := s.Now(t.Context()); err != nil || reads.Load() != 0 {
		t.Fatalf("%v after %d reads of the URL", err, reads.Load())
	}
	for _, statement := range []string{"ALTER ROLE app PASSWORD 'second'", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'"} {
		if err := server.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { _, err := s.Now(t.Context()); return err != nil && store.Refused(auth.Cause(err)) })
	current.Store(address("second"))
	eventually(t, func() bool { _, err := s.Now(t.Context()); return err == nil })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Errorf("migrate: %v", auth.Cause(err))
	}
}
