package egress

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestAllowed(t *testing.T) {
	listed := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/64")}
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "10.1.2.3": true, "::ffff:10.1.2.3": true, "fd00::1": true,
		"10.2.0.1": false, "127.0.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "169.254.169.254": false, "fe80::1": false, "192.168.0.1": false,
		"172.16.0.1": false, "100.64.0.1": false, "0.0.0.0": false, "::": false, "224.0.0.1": false, "255.255.255.255": false, "fd01::1": false,
		"64:ff9b::a9fe:a9fe": false, "64:ff9b:1::1": false, "2002:7f00:1::": false, "2001::1": false, "::7f00:1": false, "ff02::1": false,
	} {
		if got := Allowed(netip.MustParseAddr(address), listed); got != want {
			t.Errorf("Allowed(%s) = %v", address, got)
		}
	}
}

// TestNewClient: the address is checked after the name was resolved; redirects
// and proxy variables are ignored.
func TestNewClient(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	}))
	defer server.Close()
	get := func(url string, o Options) (int, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := NewClient(o).Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	byName := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for _, url := range []string{server.URL, byName} {
		if _, err := get(url, Options{}); err == nil || !strings.Contains(err.Error(), "EGRESS_ALLOW") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if code, err := get(server.URL, Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}); err != nil || code != http.StatusFound {
		t.Errorf("%d, %v", code, err)
	}
}
