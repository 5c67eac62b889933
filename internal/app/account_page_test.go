package app

import (
	"net/http"
	"strings"
	"testing"

	"rekey/internal/auth"
)

// TestAccountPage: the page at /account is served with its own policy, by its exact
// path, and handles the links of all purposes.
func TestAccountPage(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	for _, path := range []string{"/account", "/account/account.js", "/account/texts.js", "/account/account.css", "/account/icon.svg"} {
		res, _ := s.request(http.MethodGet, path, "")
		policy := res.Header.Get("Content-Security-Policy")
		if res.StatusCode != http.StatusOK || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			res.Header.Get("Referrer-Policy") != "no-referrer" || res.Header.Get("Cache-Control") != "no-cache" || len(res.Header.Values("Content-Security-Policy")) != 1 {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
	}
	for _, path := range []string{"/account/", "/Account", "/account/account.html", "/account/../account"} {
		if res, _ := s.request(http.MethodGet, path, ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	_, script := s.request(http.MethodGet, "/account/account.js", "")
	_, texts := s.request(http.MethodGet, "/account/texts.js", "")
	for _, p := range []auth.TokenPurpose{
		auth.PurposeVerifyEmail, auth.PurposeResetPassword, auth.PurposeUndoEmailChange, auth.PurposeCancelDeletion,
		"login", "complete_sign_up", "confirm_email",
	} {
		if !strings.Contains(script, "\n  "+string(p)+": 'mutation(") || strings.Count(texts, "\n  "+string(p)+": {") != 2 {
			t.Errorf("the page does not handle links of the purpose %s", p)
		}
	}
}

// TestAccountPage_off: ACCOUNT_PAGE=off removes the page and its files.
func TestAccountPage_off(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"ACCOUNT_PAGE": "off"})
	for _, path := range []string{"/account", "/account/account.js"} {
		if res, _ := s.request(http.MethodGet, path, ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}

// TestInbox: development serves the inbox to this machine, with EXPLORER=off and in
// production nobody gets it.
func TestInbox(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		want int
	}{
		"development": {nil, http.StatusOK}, "no explorer": {map[string]string{"EXPLORER": "off"}, http.StatusNotFound},
		"production":                  {map[string]string{"ENV": "production"}, http.StatusNotFound},
		"production with an explorer": {map[string]string{"ENV": "production", "EXPLORER": "on"}, http.StatusNotFound},
	} {
		s := newStack(t, engines()[0], tt.env)
		for _, path := range []string{"/explorer/inbox", "/explorer/inbox/mails", "/explorer/inbox/inbox.js"} {
			res, _ := s.request(http.MethodGet, path, "")
			if res.StatusCode != tt.want || tt.want == http.StatusOK && res.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: %s: %d %v", name, path, res.StatusCode, res.Header)
			}
			if res, _ := s.request(http.MethodGet, path, "", "Origin", "https://evil.example"); res.StatusCode == http.StatusOK {
				t.Errorf("%s: %s: a page of another origin gets %d", name, path, res.StatusCode)
			}
		}
	}
}
