package app

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestEncoding: what a person may enter is stored as it is, and changes the form of
// no answer, statement, token or line of the log.
func TestEncoding(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			for i, name := range []string{
				`</script><script>alert(1)</script>`, `"}],"data":{"x":"`, `'; DROP TABLE users; --`, `%s%n%d {{.}} ${7*7} #{x}`, `\u0000 \" \\`,
				`=cmd|' /C calc'!A0`, `*)(uid=*`, `$(id) && id | id`, "a\u00a0b", `%00%0d%0aSet-Cookie: x=y`,
			} {
				email := string(rune('a'+i)) + "@example.com"
				body, err := json.Marshal(map[string]any{
					"query":     `mutation($i: SignUpInput!) { signUp(input: $i) { token refreshToken } }`,
					"variables": map[string]any{"i": map[string]string{"name": name, "email": email, "password": goodPassword}},
				})
				if err != nil {
					t.Fatal(err)
				}
				res, text := s.request("POST", "/graphql", string(body), "Content-Type", "application/json")
				var signedUp struct {
					Data struct {
						SignUp struct{ Token, RefreshToken string }
					}
				}
				decode(t, text, &signedUp)
				token := signedUp.Data.SignUp.Token
				var me struct{ Me struct{ Name string } }
				if problem := s.graphql(token, `{ me { name } }`, nil, &me); problem != "" || me.Me.Name != name {
					t.Errorf("%q is stored as %q, %q", name, me.Me.Name, problem)
				}
				var claims struct{ User struct{ Name string } }
				claimsOf(t, token, &claims)
				if claims.User.Name != name {
					t.Errorf("%q is %q in the token", name, claims.User.Name)
				}
				res2, text := s.request("GET", "/auth/refresh", "", "Authorization", "Bearer "+signedUp.Data.SignUp.RefreshToken, "User-Agent", name)
				decode(t, text, new(any))
				for _, h := range []string{res.Header.Get("Set-Cookie"), res2.Header.Get("Set-Cookie")} {
					if h != "" {
						t.Errorf("%q sets a cookie: %s", name, h)
					}
				}
			}
			for line := range strings.Lines(s.log.String()) {
				if !strings.HasPrefix(line, "time=") {
					t.Errorf("a line of the log begins otherwise: %s", line)
				}
			}
		})
	}
}

// decode requires that a text is one JSON value.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	if err := dec.Decode(into); err != nil || dec.More() {
		t.Fatalf("not one JSON value: %v: %s", err, text)
	}
}

// TestCookie_size: the cookies of the person with the longest name and address are
// small enough that browsers keep them: 4096 bytes for name and value.
func TestCookie_size(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"COOKIE_MODE": "on", "CORS_ORIGINS": "https://app.example.com", "ISSUER": "https://auth.example.com"})
	long := strings.Repeat("\U0001F600", 100)
	email := strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 60)+".", 3) + "com"
	body, err := json.Marshal(map[string]any{
		"query":     `mutation($i: SignUpInput!) { signUp(input: $i) { token } }`,
		"variables": map[string]any{"i": map[string]string{"name": long, "email": email, "password": goodPassword}},
	})
	if err != nil {
		t.Fatal(err)
	}
	res, text := s.request("POST", "/graphql", string(body), "Content-Type", "application/json", "Origin", "https://app.example.com")
	cookies := res.Cookies()
	if len(cookies) == 0 {
		t.Fatalf("no cookie: %d %s", res.StatusCode, text)
	}
	for _, c := range cookies {
		if n := len(c.Name) + len(c.Value); n > 4096 || !c.Secure || !c.HttpOnly || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("%s has %d bytes: %+v", c.Name, n, c)
		}
	}
}
