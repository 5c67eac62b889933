package store

import (
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
)

// concealedError is an error of connecting whose text contains no part of the
// URL: a wrong URL may have a password in the place of a host or a database.
type concealedError struct {
	text  string
	cause error
}

// Error returns the text without a part of the URL.
func (e *concealedError) Error() string { return e.text }

// Unwrap returns the original error, whose text must not be printed.
func (e *concealedError) Unwrap() error { return e.cause }

// conceal returns an error of connecting without hosts, addresses, user and
// database.
func conceal(err error) error {
	if err == nil {
		return nil
	}
	var texts []string
	for _, text := range reasons(err) {
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return &concealedError{"connecting to the server of DATABASE_URL: " + strings.Join(texts, "; "), err}
}

// reasons returns the texts of the errors in a tree that contain no part of the
// URL.
func reasons(err error) []string {
	//nolint:errorlint // this walks the tree itself
	switch e := err.(type) {
	case nil:
		return nil
	case *net.DNSError:
		return []string{"looking up a host: " + e.Err}
	case *net.AddrError:
		return []string{e.Err}
	case *net.OpError:
		return prefixed(e.Op+" "+e.Net+": ", reasons(e.Err))
	case x509.HostnameError:
		return []string{"the certificate is not valid for the host"}
	case interface{ Unwrap() []error }:
		var all []string
		for _, one := range e.Unwrap() {
			all = append(all, reasons(one)...)
		}
		return all
	}
	if inner := errors.Unwrap(err); inner != nil {
		return reasons(inner)
	}
	return []string{err.Error()}
}

func prefixed(prefix string, texts []string) []string {
	for i := range texts {
		texts[i] = prefix + texts[i]
	}
	return texts
}
