package cli

import (
	"io"
	"net"
	"text/template"
)

const banner = `
rekey is ready
{{- if .Explorer}}
  explorer      open {{.Base}}/ in a browser
{{- end}}
  GraphQL       POST {{.Base}}/graphql
  legacy route  GET  {{.Base}}/auth/refresh
  health        GET  {{.Base}}/livez   {{.Base}}/readyz
{{- if .Metrics}}
  metrics       GET  {{.Metrics}}
{{- end}}
  data          {{.Data}}

Try it, in another terminal:

  # sign up
  curl -s {{.Base}}/graphql -H 'Content-Type: application/json' \
    -d '{"query":"mutation { signUp(input: {name: \"Ada\", email: \"ada@example.com\", password: \"correct horse\"}) { token refreshToken expiresIn } }"}'

  # log in, and keep the refresh token
  RT=$(curl -s {{.Base}}/graphql -H 'Content-Type: application/json' \
    -d '{"query":"mutation { login(input: {email: \"ada@example.com\", password: \"correct horse\"}) { refreshToken } }"}' \
    | sed 's/.*"refreshToken":"\([^"]*\)".*/\1/')

  # refresh: a new pair, the old one is blacklisted
  curl -s {{.Base}}/auth/refresh -H "Authorization: Bearer $RT"

`

// Place is where a service is found.
type Place struct {
	Base     string // its URL
	Data     string // the directory of what it must not lose
	Explorer bool   // there is a page at /
	Metrics  string // their URL; empty when they are not served
}

// Banner writes where the service answers, and lines to try it with. A terminal
// that is gone is no reason not to serve: what cannot be written is left out.
func Banner(w io.Writer, p Place) {
	_ = template.Must(template.New("banner").Parse(banner)).Execute(w, p)
}

// BaseURL is where people reach a listener. A listener on every interface is
// reached as localhost.
func BaseURL(host string, l net.Addr) string {
	if host == "" {
		host = "localhost"
	}
	_, port, err := net.SplitHostPort(l.String())
	if err != nil {
		return "http://" + l.String()
	}
	return "http://" + net.JoinHostPort(host, port)
}
