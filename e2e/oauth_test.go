package e2e

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"rekey/internal/test/throwaway"
)

// introspected holds an answer of introspection.
type introspected struct {
	Active    bool   `json:"active"`
	TokenType string `json:"token_type"`
	Iss, Sub  string
}

// TestOAuth_library: openid-client finds introspection and revocation in the
// metadata, authenticates with an API key as a client secret, and accepts the
// answers.
func TestOAuth_library(t *testing.T) {
	node := throwaway.LookPath(t, "node", "nodejs")
	installPackages(t, "tokens", "openid-client")
	env := map[string]string{"DATA_DIR": t.TempDir(), "RATE_LIMITS": "off"}
	p, c := issuing(t, env), httpClient()
	created := command(t, env, "apikeys", "create", "--name", "help desk",
		"--scope", "tokens:introspect", "--scope", "refresh-tokens:introspect", "--scope", "tokens:revoke")
	key, _, _ := strings.Cut(created, "\n")
	mine := signUp(t, c, p.URL, "ada@example.com")
	var claims struct{ Sub string }
	decodeClaims(t, mine.Access, &claims)

	run := exec.CommandContext(t.Context(), node, "oauth.mjs", p.URL, key, mine.Access, mine.Refresh)
	run.Dir = "tokens"
	run.Stderr = t.Output()
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Access, Refresh, Forged, AccessRevoked, RefreshThen, RefreshRevoked introspected
		Stranger, Again                                                     *struct {
			Status int
			Error  string
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	good := introspected{Active: true, TokenType: "Bearer", Iss: p.URL, Sub: claims.Sub}
	refreshing := good
	refreshing.TokenType = "refresh_token"
	for what, pair := range map[string][2]introspected{
		"the access token":                 {got.Access, good},
		"the refresh token":                {got.Refresh, refreshing},
		"a forged token":                   {got.Forged, {}},
		"an access token that was revoked": {got.AccessRevoked, {}},
		"the refresh token after that":     {got.RefreshThen, refreshing},
		"a refresh token that was revoked": {got.RefreshRevoked, {}},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: %+v, want %+v", what, pair[0], pair[1])
		}
	}
	if got.Stranger == nil || got.Stranger.Status != http.StatusUnauthorized {
		t.Errorf("a wrong key: %+v", got.Stranger)
	}
	if got.Again != nil {
		t.Errorf("revoking again: %+v", got.Again)
	}
	if problem := me(t, c, p.URL, mine.Access); problem == "" {
		t.Error("the revoked access token is taken")
	}
}
