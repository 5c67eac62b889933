package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/internal/test/throwaway"
)

// keyFile writes a P-256 key to a file and returns its path.
func keyFile(t *testing.T, path string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keyView is a line of keys list --json.
type keyView struct {
	Purpose, State, KID, Source string
	SignsFrom, EndsAt           *time.Time
}

// runKeys runs a command about keys and returns what it printed.
func runKeys(t *testing.T, env map[string]string, args ...string) []keyView {
	t.Helper()
	p := spawn(t, env, append([]string{"keys"}, args...)...)
	if code := p.wait(); code != 0 {
		t.Fatalf("keys %v: exit code %d:\n%s", args, code, p.out)
	}
	var keys []keyView
	for line := range strings.Lines(p.out.String()) {
		if strings.HasPrefix(line, "[") {
			if err := json.Unmarshal([]byte(line), &keys); err != nil {
				t.Fatal(err)
			}
		}
	}
	return keys
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	var header struct{ KID string }
	head, _, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.DecodeString(head)
	if err == nil {
		err = json.Unmarshal(data, &header)
	}
	if err != nil {
		t.Fatal(err)
	}
	return header.KID
}

// published returns the key ids of the JWK set, and for how long it may be
// cached.
func published(c *http.Client, base string) (ids map[string]bool, maxAge time.Duration, err error) {
	res, err := c.Get(base + "/.well-known/jwks.json")
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	var seconds int
	if _, err := fmt.Sscanf(res.Header.Get("Cache-Control"), "public, max-age=%d", &seconds); err != nil {
		return nil, 0, fmt.Errorf("%v: %w", res.Header, err)
	}
	var set struct {
		Keys []struct{ KID string }
	}
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil {
		return nil, 0, err
	}
	ids = map[string]bool{}
	for _, k := range set.Keys {
		ids[k.KID] = true
	}
	return ids, time.Duration(seconds) * time.Second, nil
}

// TestKeys_published: access keys are published, refresh keys are not.
func TestKeys_published(t *testing.T) {
	env := map[string]string{"DATA_DIR": t.TempDir()}
	p, c := start(t, env), httpClient()
	runKeys(t, env, "rotate", "--purpose", "access")
	mine := signUp(t, c, p.URL, "ada@example.com")
	var ids map[string]bool
	eventually(t, "the next key is published", func() bool {
		var err error
		if ids, _, err = published(c, p.URL); err != nil {
			t.Fatal(err)
		}
		return len(ids) == 2
	})
	if !ids[kidOf(t, mine.Access)] || ids[kidOf(t, mine.Refresh)] {
		t.Errorf("published: %v", ids)
	}
	for _, k := range runKeys(t, env, "list", "--json") {
		if ids[k.KID] != (k.Purpose == "access") {
			t.Errorf("published %v: %+v", ids[k.KID], k)
		}
	}
	res, err := c.Get(p.URL + "/auth/public-key")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	block, rest := pem.Decode(body)
	if err != nil || block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
		t.Errorf("%s, %v", body, err)
	}
}

func randomKey(t *testing.T) string {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return hex.EncodeToString(key)
}

// TestKeys_masterKey: on one Postgres, a replica with another master key, or
// without one, does not start and reports what to do.
func TestKeys_masterKey(t *testing.T) {
	url := throwaway.Postgres(t)
	env := func(more ...string) map[string]string {
		all := map[string]string{"DATABASE_URL": url, "DATA_DIR": t.TempDir()}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	one, two := randomKey(t), randomKey(t)
	first := start(t, env("MASTER_KEY", one))
	mine := signUp(t, httpClient(), first.URL, "ada@example.com")
	for name, tt := range map[string]struct {
		env  map[string]string
		want string
	}{
		"wrong": {env("MASTER_KEY", two), "the master key here is"},
		"lost":  {env(), "there is no master key here"},
		"typo":  {env("MASTER_KEY", one[1:]), "MASTER_KEY: must be 64 hex characters"},
	} {
		t.Run(name, func(t *testing.T) {
			p := spawn(t, tt.env)
			if code := p.wait(); code != 3 || !strings.Contains(p.out.String(), tt.want) {
				t.Errorf("exit code %d:\n%s", code, p.out)
			}
		})
	}
	changed := env("MASTER_KEY", two, "MASTER_KEY_PREVIOUS", one)
	runKeys(t, changed, "reencrypt")
	if problem := me(t, httpClient(), start(t, env("MASTER_KEY", two)).URL, mine.Access); problem != "" {
		t.Errorf("a replica with the new master key: %s", problem)
	}
	if problem := me(t, httpClient(), first.URL, mine.Access); problem != "" {
		t.Errorf("the replica with the old one: %s", problem)
	}
}

// TestKeys_importFiles: keys move from files to the database by keys import.
// Sessions continue, and so do retries in progress.
func TestKeys_importFiles(t *testing.T) {
	dir, c := t.TempDir(), httpClient()
	ring := filepath.Join(dir, "rotation.keys")
	if err := os.WriteFile(ring, []byte(randomKey(t)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	access, refreshing := keyFile(t, filepath.Join(dir, "access.pem")), keyFile(t, filepath.Join(dir, "refresh.pem"))
	earlier := start(t, map[string]string{
		"DATA_DIR": dir, "ROTATION_KEY_FILE": ring, "ACCESS_PRIVATE_PEM_FILE": access, "REFRESH_PRIVATE_PEM_FILE": refreshing,
		"ENV": "production", // it sends no mail then, which would be sealed
	})
	mine := signUp(t, c, earlier.URL, "ada@example.com")
	const key = "a-key-for-this-rotation"
	next, err := refresh(c, restTransport, earlier.URL, mine.Refresh, key)
	if err != nil || next.Problem != "" {
		t.Fatal(next.Problem, err)
	}
	earlier.terminate()
	if _, err := os.Stat(filepath.Join(dir, "master.key")); !os.IsNotExist(err) {
		t.Errorf("with files alone there is a master key: %v", err)
	}
	for purpose, file := range map[string]string{"access": access, "refresh": refreshing, "rotation": ring} {
		keys := runKeys(t, map[string]string{"DATA_DIR": dir}, "import", "--purpose", purpose, "--json", file)
		if len(keys) != 1 || keys[0].State != "current" {
			t.Errorf("imported: %+v", keys)
		}
	}
	for range 2 {
		now := start(t, map[string]string{"DATA_DIR": dir})
		if problem := me(t, c, now.URL, next.Access); problem != "" {
			t.Errorf("access token: %s", problem)
		}
		again, err := refresh(c, graphqlTransport, now.URL, mine.Refresh, key)
		if err != nil || again.Refresh != next.Refresh {
			t.Errorf("a retry got another pair: %s %v", again.Problem, err)
		}
		now.terminate()
	}
	now := start(t, map[string]string{"DATA_DIR": dir})
	if got, err := refresh(c, restTransport, now.URL, next.Refresh, ""); err != nil || got.Problem != "" {
		t.Errorf("refresh: %s %v", got.Problem, err)
	}
}

// TestKeys_differentFiles: if two replicas on one database would refuse each
// other's tokens, the second one does not start.
func TestKeys_differentFiles(t *testing.T) {
	url := throwaway.Postgres(t)
	env := func() map[string]string {
		dir := t.TempDir()
		return map[string]string{
			"DATABASE_URL": url, "DATA_DIR": dir, "MASTER_KEY": strings.Repeat("5", 64),
			"ACCESS_PRIVATE_PEM_FILE":  keyFile(t, filepath.Join(dir, "a.pem")),
			"REFRESH_PRIVATE_PEM_FILE": keyFile(t, filepath.Join(dir, "r.pem")),
		}
	}
	first := start(t, env())
	second := spawn(t, env())
	if code := second.wait(); code != 3 || !strings.Contains(second.out.String(), "another replica signs with the access key") {
		t.Errorf("exit code %d:\n%s", code, second.out)
	}
	if code := first.terminate(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, first.out)
	}
	start(t, env()) // the first one deleted its note
}
