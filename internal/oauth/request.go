package oauth

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
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

// readForm reads the body. Callers ignore token_type_hint, which is only an
// optimisation, and unknown parameters. A parameter without a value counts as
// missing, and none may be repeated (RFC 6749 section 3.2).
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			return nil, refusal{status: http.StatusRequestEntityTooLarge, code: invalidRequest, description: "the form is too long"}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, refusal{status: http.StatusRequestTimeout, code: invalidRequest, description: "the form did not arrive in time"}
		}
		return nil, badRequest("the form could not be read")
	}
	if body, err = auth.TrimByteOrderMark(body); err != nil {
		return nil, badRequest("the form is not UTF-8: " + err.Error())
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, badRequest("the form is malformed")
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, badRequest("a parameter is repeated")
		}
	}
	return form, nil
}

// findKey returns the API key of a request, or "" if there is none, and the form
// if it had to be read for that.
type findKey func(w http.ResponseWriter, r *http.Request) (key string, form url.Values, err error)

// headerKey finds the key in the Authorization header. The key is a bearer token,
// or the password of a client whose id is the key's prefix, as client libraries
// send it (client_secret_basic, RFC 6749 section 2.3.1).
func headerKey(_ http.ResponseWriter, r *http.Request) (key string, form url.Values, err error) {
	values := r.Header.Values("Authorization")
	if key = auth.SpacedBearerToken(values); key != "" {
		return key, nil, nil
	}
	user, password, ok := r.BasicAuth()
	if !ok || len(values) != 1 {
		return "", nil, nil
	}
	id, idErr := url.QueryUnescape(user)
	secret, secretErr := url.QueryUnescape(password)
	key = keyOf(id, secret)
	if idErr != nil || secretErr != nil {
		key = invalidKey
	}
	return key, nil, nil
}

// anyKey finds the key in the Authorization header or, if there is no such
// header, in the form (client_secret_post, RFC 6749 section 2.3.1).
func anyKey(w http.ResponseWriter, r *http.Request) (key string, form url.Values, err error) {
	if len(r.Header.Values("Authorization")) > 0 {
		return headerKey(w, r)
	}
	if form, err = readForm(w, r); err != nil {
		return "", nil, err
	}
	if secret := form.Get("client_secret"); secret != "" {
		key = keyOf(form.Get("client_id"), secret)
	}
	return key, form, nil
}

const invalidKey = "?" // "" is a missing one

// keyOf returns the secret of a client, if its id is the key's prefix.
func keyOf(id, secret string) string {
	if !strings.HasPrefix(secret, "rk_"+id+"_") {
		return invalidKey
	}
	return secret
}
