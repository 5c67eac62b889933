package redispool

import (
	"crypto/x509"
	"errors"
	"net"
)

// concealedError is an error of connecting whose text contains no part of the
// URL: a wrong URL may have a password in the place of a host.
type concealedError struct {
	text  string
	cause error
}

// Error returns the text without a part of the URL.
func (e *concealedError) Error() string { return e.text }

// Unwrap returns the original error, whose text must not be printed.
func (e *concealedError) Unwrap() error { return e.cause }

// conceal returns an error of connecting without hosts and addresses.
func conceal(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	var address *net.AddrError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &dns):
		return &concealedError{"connecting to Redis: looking up a host: " + dns.Err, err}
	case errors.As(err, &address):
		return &concealedError{"connecting to Redis: " + address.Err, err}
	case errors.As(err, &op):
		return &concealedError{"connecting to Redis: " + op.Op + ": " + op.Err.Error(), err}
	case errors.As(err, new(x509.HostnameError)):
		return &concealedError{"connecting to Redis: the certificate is not valid for the host", err}
	}
	return err
}
