package auth

import "testing"

func TestWideNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.0/24", "::ffff:192.0.2.7": "192.0.2.0/24", "2001:db8:1:2::3": "2001:db8:1::/48",
		"fe80::1%eth0": "fe80::/48", "": "", "unknown": "unknown",
	} {
		if got := wideNetwork(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestSameAgent(t *testing.T) {
	if !sameAgent("Firefox/140.0", "Firefox/141.0") || sameAgent("Firefox/140.0", "Chrome/140.0") {
		t.Error("an update is a new agent, or another browser is not")
	}
}
