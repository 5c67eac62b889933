package cli

import (
	"io"
	"net"
	"strings"
)

const banner = `
rekey is ready{{explorer}}
  GraphQL       POST {{base}}/graphql
  legacy route  GET  {{base}}/auth/refresh
  health        GET  {{base}}/livez   {{base}}/readyz{{metrics}}
  data          {{data}}

{{steps}}`

// tour is for development. It signs up, so it is not for a live database.
const tour = `Try it, in another terminal:

  # sign up
  curl -s {{base}}/graphql -H 'Content-Type: application/json' \
    -d '{"query":"mutation { signUp(input: {name: \"Ada\", email: \"ada@example.com\", password: \"correct horse\"}) { token refreshToken expiresIn } }"}'

  # log in, and keep the refresh token
  RT=$(curl -s {{base}}/graphql -H 'Content-Type: application/json' \
    -d '{"query":"mutation { login(input: {email: \"ada@example.com\", password: \"correct horse\"}) { refreshToken } }"}' \
    | sed 's/.*"refreshToken":"\([^"]*\)".*/\1/')

  # refresh: a new pair; the old one is blacklisted
  curl -s {{base}}/auth/refresh -H "Authorization: Bearer $RT"

`

// check is for production: it changes nothing.
const check = `Check it, in another terminal:

  curl -s {{base}}/readyz
  curl -s {{base}}/graphql -H 'Content-Type: application/json' -d '{"query":"{ __typename }"}'

`

// Place describes where a service can be reached.
type Place struct {
	Base     string // its URL
	Data     string // the directory with its data
	Explorer bool   // whether it serves the explorer at /
	// Production is whether the service may have a live database: the commands
	// then change nothing.
	Production bool
	Metrics    string // the URL of its metrics; empty if they are not served
}

// Banner writes the service's URLs and commands to try it with, in one call. It
// ignores errors, because the service also runs without a terminal.
func Banner(w io.Writer, p Place) {
	explorer, metrics := "", ""
	if p.Explorer {
		explorer = "\n  explorer      open " + p.Base + "/ in a browser"
	}
	if p.Metrics != "" {
		metrics = "\n  metrics       GET  " + p.Metrics
	}
	steps := tour
	if p.Production {
		steps = check
	}
	// Not text/template: executing templates makes the program bigger.
	text := strings.ReplaceAll(banner, "{{steps}}", steps)
	values := strings.NewReplacer("{{base}}", p.Base, "{{data}}", p.Data, "{{explorer}}", explorer, "{{metrics}}", metrics)
	_, _ = io.WriteString(w, values.Replace(text))
}

// BaseURL returns the URL of a listener. A listener on all interfaces is
// reachable as localhost.
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
