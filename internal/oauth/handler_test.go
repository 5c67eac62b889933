package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/oauth"
	"rekey/internal/test/logcheck"
)

const key = "rk_00000001_secret"

// core is a fake core. It knows one key and returns the given error.
type core struct {
	err   error
	token string
}

func (c *core) Introspect(_ context.Context, _ auth.APIKeyCaller, token string, _ auth.Client) (auth.Introspection, error) {
	c.token = token
	return auth.Introspection{}, c.err
}

func (c *core) RevokeToken(_ context.Context, _ auth.APIKeyCaller, token string, _ auth.Client) error {
	c.token = token
	return c.err
}

func (*core) AuthenticateCall(_ context.Context, presented string, _ auth.Client) (auth.APIKeyCaller, error) {
	switch presented {
	case key:
		return auth.APIKeyCaller{}, nil
	case "":
		return auth.APIKeyCaller{}, auth.Unauthenticated(auth.ReasonTokenMissing, "an API key is required")
	}
	return auth.APIKeyCaller{}, auth.Unauthenticated(auth.ReasonTokenInvalid, "API key is not valid")
}

func request(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+key)
	return r
}

func serve(t *testing.T, c *core, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handlers := oauth.Handlers(oauth.Options{Auth: c, Keys: c, Logger: logcheck.Logger(t)})
	handlers[r.URL.Path].ServeHTTP(w, r)
	return w
}

func paths() []string { return []string{oauth.IntrospectPath, oauth.RevokePath} }

// TestHandlers_form: what RFC 7662 section 2.1 and RFC 7009 section 2.1 ask
// for, and nothing else.
func TestHandlers_form(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	tests := map[string]struct {
		method, query, contentType, body string
		status                           int
		token                            string
	}{
		"plain":                    {"POST", "", form, "token=a.b-c_d", 200, "a.b-c_d"},
		"charset":                  {"POST", "", form + "; charset=UTF-8", "token=a", 200, "a"},
		"hint":                     {"POST", "", form, "token_type_hint=refresh_token&token=a", 200, "a"},
		"unknown hint":             {"POST", "", form, "token=a&token_type_hint=saml2", 200, "a"},
		"unknown parameter":        {"POST", "", form, "token=a&x=y", 200, "a"},
		"encoded":                  {"POST", "", form, "token=%61+%2B", 200, "a +"},
		"byte order mark":          {"POST", "", form, "\ufefftoken=a", 200, "a"},
		"UTF-16":                   {"POST", "", form, "\xff\xfet\x00", 400, ""},
		"GET":                      {"GET", "", form, "token=a", 405, ""},
		"PUT":                      {"PUT", "", form, "token=a", 405, ""},
		"JSON":                     {"POST", "", "application/json", `{"token":"a"}`, 415, ""},
		"multipart":                {"POST", "", "multipart/form-data; boundary=x", "token=a", 415, ""},
		"no type":                  {"POST", "", "", "token=a", 415, ""},
		"in the URL":               {"POST", "?token=a", form, "", 400, ""},
		"in the URL, too":          {"POST", "?x=y", form, "token=a", 400, ""},
		"missing":                  {"POST", "", form, "x=y", 400, ""},
		"nothing":                  {"POST", "", form, "", 400, ""},
		"without a value":          {"POST", "", form, "token=", 400, ""},
		"twice":                    {"POST", "", form, "token=a&token=a", 400, ""},
		"hint twice":               {"POST", "", form, "token=a&token_type_hint=x&token_type_hint=x", 400, ""},
		"malformed":                {"POST", "", form, "token=%zz", 400, ""},
		"longest, all encoded":     {"POST", "", form, "token=" + strings.Repeat("%61", auth.MaxTokenBytes), 200, strings.Repeat("a", auth.MaxTokenBytes)},
		"too long":                 {"POST", "", form, "token=" + strings.Repeat("a", 7*auth.MaxTokenBytes), 413, ""},
		"spelt in another case":    {"POST", "", form, "Token=a", 400, ""},
		"the type in another case": {"POST", "", "Application/X-WWW-Form-URLencoded", "token=a", 200, "a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, path := range paths() {
				c := &core{}
				r := request(tt.method, path+tt.query, tt.body)
				r.Header.Set("Content-Type", tt.contentType)
				w := serve(t, c, r)
				if w.Code != tt.status || c.token != tt.token {
					t.Errorf("%s: %d with token %.20q: %s", path, w.Code, c.token, w.Body)
				}
				if w.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("%s: headers %v", path, w.Header())
				}
				if tt.status != 200 && (!strings.HasPrefix(w.Body.String(), `{"error":"invalid_request","error_description":"`) || w.Header().Get("Content-Type") != "application/json") {
					t.Errorf("%s: %v %s", path, w.Header(), w.Body)
				}
				if allow := w.Header().Get("Allow"); (allow == "POST") != (tt.status == 405) {
					t.Errorf("%s: Allow %q", path, allow)
				}
			}
		})
	}
}

// TestHandlers_credentials: RFC 6750 section 3, RFC 6749 section 2.3.1.
func TestHandlers_credentials(t *testing.T) {
	basic := func(user, password string) []string {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.SetBasicAuth(user, password)
		return r.Header["Authorization"]
	}
	const bad = `Bearer realm="rekey", error="invalid_token"`
	tests := map[string]struct {
		header    []string
		challenge string // empty: they are good
	}{
		"bearer":             {[]string{"Bearer " + key}, ""},
		"bearer, lower case": {[]string{"bearer " + key}, ""},
		"basic":              {basic("00000001", key), ""},
		"basic, encoded":     {basic("%30%30000001", "rk%5F00000001_secret"), ""},
		"none":               {nil, `Bearer realm="rekey"`},
		"unknown":            {[]string{"Bearer rk_00000002_secret"}, bad},
		"twice":              {[]string{"Bearer " + key, "Bearer " + key}, bad},
		"another scheme":     {[]string{"Digest " + key}, `Bearer realm="rekey"`},
		"basic, other id":    {basic("00000002", key), `Basic realm="rekey"`},
		"basic, no id":       {basic("", key), `Basic realm="rekey"`},
		"basic, malformed":   {[]string{"Basic !"}, `Basic realm="rekey"`},
		"basic, bad escape":  {basic("00000001", "%zz"), `Basic realm="rekey"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, path := range paths() {
				c := &core{}
				r := request("POST", path, "token=a")
				r.Header["Authorization"] = tt.header
				w := serve(t, c, r)
				if (w.Code == 200) != (tt.challenge == "") || w.Header().Get("WWW-Authenticate") != tt.challenge {
					t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
				}
				if tt.challenge != "" && (w.Code != 401 || c.token != "" || !strings.HasPrefix(w.Body.String(), `{"error":"invalid_client"`)) {
					t.Errorf("%s: %d %s, the core was asked about %q", path, w.Code, w.Body, c.token)
				}
			}
		})
	}
}

func TestHandlers_errors(t *testing.T) {
	tests := map[string]struct {
		err        error
		status     int
		code       string
		retryAfter string
	}{
		"scope":       {&auth.Error{Code: auth.CodeForbidden, Message: "no"}, 403, "insufficient_scope", ""},
		"kind":        {auth.BadInput("token", "no"), 400, "unsupported_token_type", ""},
		"limited":     {auth.RateLimited(1500 * time.Millisecond), 429, "rate_limited", "2"},
		"unavailable": {auth.Unavailable(errors.New("secret host")), 503, "temporarily_unavailable", "1"},
		"internal":    {errors.New("secret host"), 500, "server_error", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, path := range paths() {
				w := serve(t, &core{err: tt.err}, request("POST", path, "token=a"))
				if w.Code != tt.status || !strings.HasPrefix(w.Body.String(), `{"error":"`+tt.code+`"`) || w.Header().Get("Retry-After") != tt.retryAfter {
					t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
				}
				if strings.Contains(w.Body.String(), "secret") {
					t.Errorf("%s reveals the cause: %s", path, w.Body)
				}
				if got := w.Header().Get("WWW-Authenticate"); (tt.status == 403) != strings.Contains(got, `error="insufficient_scope", scope="tokens:`) {
					t.Errorf("%s: WWW-Authenticate %q", path, got)
				}
			}
		})
	}
}

// TestHandlers_secretInForm: client_secret_post at introspection only.
func TestHandlers_secretInForm(t *testing.T) {
	const good = "client_id=00000001&client_secret=rk_00000001_secret&token=a"
	for name, tt := range map[string]struct {
		path, header, body string
		status             int
	}{
		"good":                  {oauth.IntrospectPath, "", good, 200},
		"another id":            {oauth.IntrospectPath, "", "client_id=00000002&client_secret=rk_00000001_secret&token=a", 401},
		"no id":                 {oauth.IntrospectPath, "", "client_secret=rk_00000001_secret&token=a", 401},
		"another secret":        {oauth.IntrospectPath, "", "client_id=00000001&client_secret=rk_00000001_x&token=a", 401},
		"an id alone":           {oauth.IntrospectPath, "", "client_id=00000001&token=a", 401},
		"twice":                 {oauth.IntrospectPath, "", good + "&client_secret=x", 400},
		"without a token":       {oauth.IntrospectPath, "", "client_id=00000001&client_secret=rk_00000001_secret", 400},
		"too long":              {oauth.IntrospectPath, "", good + strings.Repeat("a", 7*auth.MaxTokenBytes), 413},
		"beside a wrong header": {oauth.IntrospectPath, "Bearer rk_00000002_secret", good, 401},
		"beside a good header":  {oauth.IntrospectPath, "Bearer " + key, "client_id=00000002&client_secret=x&token=a", 200},
		"revocation":            {oauth.RevokePath, "", good, 401},
	} {
		t.Run(name, func(t *testing.T) {
			c := &core{}
			r := request("POST", tt.path, tt.body)
			r.Header.Del("Authorization")
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			if w := serve(t, c, r); w.Code != tt.status || (c.token == "a") != (tt.status == 200) {
				t.Errorf("status %d with token %q: %s", w.Code, c.token, w.Body)
			}
		})
	}
}

// TestHandlers_noGrant: the token endpoint supports no grant, and needs no key.
func TestHandlers_noGrant(t *testing.T) {
	for body, want := range map[string]string{
		"grant_type=client_credentials": `{"error":"unsupported_grant_type"`, "grant_type=password&username=a&password=b": `{"error":"unsupported_grant_type"`,
		"grant_type=a&grant_type=b": `{"error":"invalid_request"`,
	} {
		r := request("POST", oauth.TokenPath, body)
		r.Header.Del("Authorization")
		w := serve(t, &core{}, r)
		if w.Code != http.StatusBadRequest || !strings.HasPrefix(w.Body.String(), want) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", body, w.Code, w.Header(), w.Body)
		}
	}
	if w := serve(t, &core{}, request("GET", oauth.TokenPath, "")); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d %v", w.Code, w.Header())
	}
}
