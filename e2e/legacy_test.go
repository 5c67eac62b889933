package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestLegacy_settings: a service that replaces the legacy one gets its public
// keys and its time zone from the environment. It answers the recorded tokens,
// which expired long ago, as the legacy service would answer now: each verifies
// with the key of its use and with no other. Without the settings neither
// verifies.
func TestLegacy_settings(t *testing.T) {
	access, refreshing := recordedToken(t, "access token"), recordedToken(t, "live refresh token")
	const foreign = "invalid or expired jwt, internal=crypto/ecdsa: verification error"

	p, c := start(t, map[string]string{"DATA_DIR": t.TempDir()}), httpClient()
	wantRefused(t, c, p.URL, refreshing, foreign)
	if problem := me(t, c, p.URL, access); problem != "TOKEN_INVALID" {
		t.Errorf("a recorded access token, its key unknown: %s", problem)
	}

	p = start(t, map[string]string{
		"DATA_DIR": t.TempDir(), "TZ": "Europe/Budapest",
		"ACCESS_VERIFY_PEM_FILES":  legacyFile(t, "access_public.pem"),
		"REFRESH_VERIFY_PEM_FILES": legacyFile(t, "refresh_public.pem"),
	})
	wantRefused(t, c, p.URL, access, foreign)
	if problem := me(t, c, p.URL, access); problem != "TOKEN_EXPIRED" {
		t.Errorf("a recorded access token: %s", problem)
	}
	wantExpired(t, c, p.URL, refreshing)
	wantZone(t, signUp(t, c, p.URL, "ada@example.com").Refresh, "Europe/Budapest")
}

func wantRefused(t *testing.T, c *http.Client, url, token, message string) {
	t.Helper()
	got, err := refresh(c, restTransport, url, token, "")
	if err != nil || got.Status != http.StatusUnauthorized || got.Problem != message {
		t.Errorf("%+v, %v: want 401 %q", got, err, message)
	}
}

// wantExpired requires an answer with the time since the expiry, as a Go
// duration of whole seconds.
func wantExpired(t *testing.T, c *http.Client, url, token string) {
	t.Helper()
	var claims struct{ Exp int64 }
	decodeClaims(t, token, &claims)
	earliest := time.Now().Unix() - claims.Exp
	got, err := refresh(c, restTransport, url, token, "")
	latest := time.Now().Unix() - claims.Exp
	if err != nil || got.Status != http.StatusUnauthorized {
		t.Fatalf("%+v, %v", got, err)
	}
	told, found := strings.CutPrefix(got.Problem, "invalid or expired jwt, internal=token is expired by ")
	by, err := time.ParseDuration(told)
	if since := int64(by / time.Second); !found || err != nil || by.String() != told || since < earliest || since > latest {
		t.Errorf("%q, %v: want a duration from %d s to %d s", got.Problem, err, earliest, latest)
	}
}

// wantZone requires times with microseconds in a zone.
func wantZone(t *testing.T, token, name string) {
	t.Helper()
	var claims struct {
		User struct {
			CreatedAt string `json:"created_at"`
		}
	}
	decodeClaims(t, token, &claims)
	told := claims.User.CreatedAt
	at, err := time.Parse(time.RFC3339Nano, told)
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	_, offset := at.Zone()
	if _, want := at.In(zone).Zone(); offset != want || !regexp.MustCompile(`T[\d:]{8}(\.\d{1,6})?\+0[12]:00$`).MatchString(told) {
		t.Errorf("created_at is %s, %d s off UTC, want %d s", told, offset, want)
	}
}

// recordedToken returns the token of the exchange whose name contains part, as
// the legacy service signed it.
func recordedToken(t *testing.T, part string) string {
	t.Helper()
	raw, err := os.ReadFile(legacyFile(t, "exchanges.json"))
	if err != nil {
		t.Fatal(err)
	}
	var exchanges []struct {
		Name    string
		Request struct{ Headers map[string]string }
	}
	if err := json.Unmarshal(raw, &exchanges); err != nil {
		t.Fatal(err)
	}
	for _, x := range exchanges {
		if strings.Contains(x.Name, part) {
			return strings.TrimPrefix(x.Request.Headers["Authorization"], "Bearer ")
		}
	}
	t.Fatalf("no exchange is about %q", part)
	return ""
}

// legacyFile returns the path of a file recorded from the legacy service.
func legacyFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../compat/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
