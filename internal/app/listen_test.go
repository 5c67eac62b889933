package app

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
)

// An address that this machine does not have is reported with the setting's name.
func TestCannotListen(t *testing.T) {
	for name, tt := range map[string]struct {
		err   error
		named bool
	}{
		"unknown name":  {&net.OpError{Op: "listen", Err: &net.DNSError{Err: "no such host"}}, true},
		"other machine": {&net.OpError{Op: "listen", Err: syscall.EADDRNOTAVAIL}, true},
		"in use":        {syscall.EADDRINUSE, false},
	} {
		err := cannotListen("HOST", tt.err)
		if !errors.Is(err, tt.err) || strings.HasPrefix(err.Error(), "HOST: must be an address of this machine") != tt.named {
			t.Errorf("%s: %v", name, err)
		}
	}
}
