package oauth

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"rekey/internal/auth"
)

// maxForm limits a form, in bytes: a token of the maximum length with each
// character percent-encoded, and the same amount again.
const maxForm = 6 * auth.MaxTokenBytes

// checkRequest checks the method, the content type and the URL.
func checkRequest(r *http.Request) error {
	if r.Method != http.MethodPost {
		return refusal{status: http.StatusMethodNotAllowed, code: invalidRequest, description: "only POST is served here"}
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || len(r.Header.Values("Content-Type")) != 1 {
		return refusal{status: http.StatusUnsupportedMediaType, code: invalidRequest, description: "the body must be application/x-www-form-urlencoded"}
	}
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return badRequest("parameters must be in the body: tokens must not be in a URL")
	}
	return nil
}

// tokenParameter returns the token. It ignores token_type_hint, which is only an
// optimisation, and unknown parameters. A parameter without a value counts as
// missing, and none may be repeated (RFC 6749 section 3.2).
func tokenParameter(w http.ResponseWriter, r *http.Request) (string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			return "", refusal{status: http.StatusRequestEntityTooLarge, code: invalidRequest, description: "the form is too long"}
		}
		return "", badRequest("the form could not be read")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", badRequest("the form is malformed")
	}
	for _, values := range form {
		if len(values) > 1 {
			return "", badRequest("a parameter is repeated")
		}
	}
	token := form.Get("token")
	if token == "" {
		return "", badRequest("the parameter token is missing")
	}
	return token, nil
}

// apiKey returns the API key in the Authorization header, or "" if there is none.
// The key is a bearer token, or the password of a client whose id is the key's
// prefix, as client libraries send it (RFC 6749 section 2.3.1).
func apiKey(r *http.Request) string {
	values := r.Header.Values("Authorization")
	if key := auth.BearerToken(values); key != "" {
		return key
	}
	user, password, ok := r.BasicAuth()
	if !ok || len(values) != 1 {
		return ""
	}
	id, idErr := url.QueryUnescape(user)
	key, keyErr := url.QueryUnescape(password)
	if idErr != nil || keyErr != nil || !strings.HasPrefix(key, "rk_"+id+"_") {
		return "?" // an invalid key, not a missing one
	}
	return key
}
