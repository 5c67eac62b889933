package app

import (
	"crypto/sha1" //nolint:gosec // the lists are of SHA-1 hashes
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/config"
)

func sha1Of(password string) string {
	return fmt.Sprintf("%X", sha1.Sum([]byte(password))) //nolint:gosec // see the import
}

// choices returns the operations that set a password. Each returns its problem.
func choices(s *stack) map[string]func(password string) string {
	pair := s.signUp("ada@example.com")
	s.signUp("grace@example.com")
	reset, complete := s.resetLink("grace@example.com"), s.signUpLink("eve@example.com")
	return map[string]func(string) string{
		"signUp": func(password string) string {
			return s.graphql("", `mutation($p: String!) { signUp(input: {name: "Bob", email: "bob@example.com", password: $p}) { token } }`,
				map[string]any{"p": password}, new(struct{}))
		},
		"changePassword": func(password string) string { return s.changePassword(pair.access, password, "").problem },
		"resetPassword":  func(password string) string { _, problem := s.reset(reset, password); return problem },
		"completeSignUp": func(password string) string { _, problem := s.completeSignUp(complete, password, ""); return problem },
	}
}

// TestBreached: no operation sets a password that is in a list, in the form that was
// typed or in the one that is hashed. A refused password uses up nothing.
func TestBreached(t *testing.T) {
	const plain, typed, normal = "a leaked horse", "ａ ｔｙｐｅｄ ｈｏｒｓｅ", "a normal horse"
	var asked, waited atomic.Int32
	var load atomic.Pointer[auth.Passwords]
	rangeAPI := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if p := load.Load(); p != nil {
			if working, waiting := p.Load(); working+waiting > 0 {
				waited.Add(1)
			}
		}
		for _, leaked := range []string{plain, typed, normal} {
			if h := sha1Of(leaked); strings.HasSuffix(r.URL.Path, h[:5]) {
				_, _ = fmt.Fprintf(w, "%s:3\r\n", h[5:])
			}
		}
	}))
	t.Cleanup(rangeAPI.Close)
	for name, settings := range map[string]func(t *testing.T) map[string]string{
		"range": func(*testing.T) map[string]string {
			return map[string]string{"BREACHED_PASSWORDS": rangeAPI.URL + "/range", "EGRESS_ALLOW": "127.0.0.0/8"}
		},
		"file": func(t *testing.T) map[string]string {
			return map[string]string{"BREACHED_PASSWORDS_FILE": hashFile(t, plain, typed, normal)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, engines()[0], settings(t))
			load.Store(s.ports.options.Passwords)
			for operation, choose := range choices(s) {
				for _, password := range []string{plain, typed, "ａ ｎｏｒｍａｌ ｈｏｒｓｅ"} {
					if problem := choose(password); !strings.Contains(problem, "BAD_USER_INPUT") {
						t.Errorf("%s, %s: %q", operation, password, problem)
					}
				}
				if problem := choose("a horse that is on no list"); problem != "" {
					t.Errorf("%s, another password: %s", operation, problem)
				}
			}
			for _, secret := range []string{"horse", sha1Of(plain)[:5], sha1Of(plain)[5:]} {
				if strings.Contains(s.log.String(), secret) {
					t.Errorf("the log has %q", secret)
				}
			}
			if n := asked.Swap(0); n > 0 != (name == "range") || waited.Load() != 0 {
				t.Errorf("the API was asked %d times, %d times by a request in the queue of hashes", n, waited.Load())
			}
		})
	}
}

// TestBreached_FailsOpen: while the API fails, passwords are set as without it.
func TestBreached_FailsOpen(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(broken.Close)
	s := newStack(t, engines()[0], map[string]string{"BREACHED_PASSWORDS": broken.URL, "EGRESS_ALLOW": "127.0.0.1"})
	for operation, choose := range choices(s) {
		if problem := choose("a horse that nobody checks"); problem != "" {
			t.Errorf("%s: %s", operation, problem)
		}
	}
	if strings.Count(s.log.String(), "passwords are accepted unchecked") != 1 {
		t.Errorf("log: %s", s.log.String())
	}
}

// TestCheckNamed_breached: a file that cannot be searched is a problem of the
// configuration.
func TestCheckNamed_breached(t *testing.T) {
	path := filepath.Join(t.TempDir(), "words.txt")
	if err := os.WriteFile(path, []byte("password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(func(name string) string { return map[string]string{"DATA_DIR": t.TempDir()}[name] })
	if err != nil {
		t.Fatal(err)
	}
	cfg.BreachedPasswordsFile = path
	if err := checkNamed(cfg); err == nil || !strings.Contains(err.Error(), "BREACHED_PASSWORDS_FILE: ") {
		t.Errorf("words: %v", err)
	}
	cfg.BreachedPasswordsFile = hashFile(t, "leaked")
	if err := checkNamed(cfg); err != nil {
		t.Errorf("hashes: %v", err)
	}
}

// hashFile writes a sorted list of the hashes of passwords.
func hashFile(t *testing.T, passwords ...string) string {
	t.Helper()
	var lines []string
	for _, p := range passwords {
		lines = append(lines, sha1Of(p)+":2\r\n")
	}
	slices.Sort(lines)
	path := filepath.Join(t.TempDir(), "hashes.txt")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
