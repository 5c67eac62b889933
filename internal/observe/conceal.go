package observe

import (
	"errors"
	"net"
	"regexp"
)

var anyURL = regexp.MustCompile(`\w+://[^\s"]+`)

// conceal returns the text of an exporter's error without the collector's URL,
// whose user, path or host may be a credential.
func conceal(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return "looking up the host: " + dns.Err
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	}
	return anyURL.ReplaceAllString(err.Error(), "the collector")
}
