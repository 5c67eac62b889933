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

// maxForm is how long a form may be, in bytes: a token of the longest kind,
// each character percent-encoded, and as much again.
const maxForm = 6 * auth.MaxTokenBytes

// checkRequest looks at all that is there before the body.
func checkRequest(r *http.Request) error {
	if r.Method != http.MethodPost {
		return refusal{status: http.StatusMethodNotAllowed, code: invalidRequest, description: "only POST is served here"}
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || len(r.Header.Values("Content-Type")) != 1 {
		return refusal{status: http.StatusUnsupportedMediaType, code: invalidRequest, description: "the body must be application/x-www-form-urlencoded"}
	}
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return badRequest("parameters belong into the body, tokens never into a URL")
	}
	return nil
}

// tokenParameter returns the one parameter that matters: a hint at the token's
// type would only say where to look first. Parameters without a value count as
// left out, unknown ones are ignored, and none may come twice (RFC 6749
// section 3.2).
func tokenParameter(w http.ResponseWriter, r *http.Request) (string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return "", unreadable(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", badRequest("the form is malformed")
	}
	for _, values := range form {
		if len(values) > 1 {
			return "", badRequest("a parameter comes more than once")
		}
	}
	token := form.Get("token")
	if token == "" {
		return "", badRequest("the parameter token is missing")
	}
	return token, nil
}

func unreadable(err error) error {
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return refusal{status: http.StatusRequestEntityTooLarge, code: invalidRequest, description: "the form is too long"}
	}
	return badRequest("the form could not be read")
}

// apiKey returns the key of the Authorization header: as bearer token, or as
// the password of a client whose id is the key's prefix (RFC 6749 section
// 2.3.1), which is how client libraries send one. Empty when there is none.
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
