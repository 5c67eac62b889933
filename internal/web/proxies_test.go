package web

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProxies_ClientAddress(t *testing.T) {
	trusted := proxies("10.0.0.0/8", "2001:db8:1::/48")
	for name, tc := range map[string]struct {
		peer string
		xff  []string
		want string
	}{
		"NoProxy":               {"192.0.2.1:99", nil, "192.0.2.1"},
		"SpoofedWithoutProxy":   {"192.0.2.1:99", []string{"198.51.100.7"}, "192.0.2.1"},
		"BehindProxy":           {"10.0.0.1:99", []string{"198.51.100.7"}, "198.51.100.7"},
		"SpoofedThroughProxy":   {"10.0.0.1:99", []string{"203.0.113.66, 198.51.100.7"}, "198.51.100.7"},
		"SpoofedAsProxy":        {"10.0.0.1:99", []string{"203.0.113.66, 10.9.9.9, 198.51.100.7"}, "198.51.100.7"},
		"TwoProxies":            {"10.0.0.1:99", []string{"198.51.100.7, 10.0.0.2"}, "198.51.100.7"},
		"SeveralHeaders":        {"10.0.0.1:99", []string{"203.0.113.66", "198.51.100.7", "10.0.0.2"}, "198.51.100.7"},
		"OnlyProxies":           {"10.0.0.1:99", []string{"10.0.0.3,10.0.0.2"}, "10.0.0.3"},
		"ProxyWithoutHeader":    {"10.0.0.1:99", nil, "10.0.0.1"},
		"EmptyHeader":           {"10.0.0.1:99", []string{""}, "10.0.0.1"},
		"MalformedStops":        {"10.0.0.1:99", []string{"198.51.100.7, unknown, 10.0.0.2"}, "10.0.0.2"},
		"EmptyEntryStops":       {"10.0.0.1:99", []string{"198.51.100.7,,10.0.0.2"}, "10.0.0.2"},
		"MalformedAcrossHeader": {"10.0.0.1:99", []string{"198.51.100.7", "x"}, "10.0.0.1"},
		"HalfBracket":           {"10.0.0.1:99", []string{"[198.51.100.7"}, "10.0.0.1"},
		"EntryWithPort":         {"10.0.0.1:99", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		"EntryV6WithPort":       {"10.0.0.1:99", []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		"EntryV6InBrackets":     {"10.0.0.1:99", []string{"[2001:db8::7]"}, "2001:db8::7"},
		"MappedPeer":            {"[::ffff:10.0.0.1]:99", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		"V6Proxy":               {"[2001:db8:1::1]:99", []string{"2001:db8:2::5"}, "2001:db8:2::5"},
		"V6Zone":                {"[fe80::1%eth0]:99", nil, "fe80::1"},
		"NoAddress":             {"@", []string{"198.51.100.7"}, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tc.peer
			for _, v := range tc.xff {
				r.Header.Add("X-Forwarded-For", v)
			}
			if got := trusted.ClientAddress(r).String(); got != tc.want {
				t.Errorf("ClientAddress = %s, want %s", got, tc.want)
			}
		})
	}
	t.Run("LongListIsReadFromTheRight", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = "10.0.0.1:99"
		r.Header.Set("X-Forwarded-For", strings.Repeat("203.0.113.66,", 4000)+"198.51.100.7")
		if got := trusted.ClientAddress(r).String(); got != "198.51.100.7" {
			t.Errorf("ClientAddress = %s", got)
		}
		if n := testing.AllocsPerRun(10, func() { trusted.ClientAddress(r) }); n > 5 {
			t.Errorf("%v allocations: the whole list is split", n)
		}
	})
}

func TestProxies_HTTPS(t *testing.T) {
	trusted := proxies("10.0.0.0/8")
	for name, tc := range map[string]struct {
		peer  string
		proto []string
		tls   bool
		want  bool
	}{
		"NotTLS":           {"192.0.2.1:1", []string{"http"}, false, false},
		"LeftIsIgnored":    {"10.0.0.1:1", []string{"https,https,http"}, false, false},
		"Nonsense":         {"10.0.0.1:1", []string{"https;x"}, false, false},
		"Empty":            {"10.0.0.1:1", []string{""}, false, false},
		"Plain":            {"192.0.2.1:1", nil, false, false},
		"TLS":              {"192.0.2.1:1", nil, true, true},
		"Proxy":            {"10.0.0.1:1", []string{"https"}, false, true},
		"ProxyUpperCase":   {"10.0.0.1:1", []string{"HTTPS"}, false, true},
		"ProxyPlain":       {"10.0.0.1:1", []string{"http"}, false, false},
		"ProxySilent":      {"10.0.0.1:1", nil, false, false},
		"NotTrusted":       {"192.0.2.1:1", []string{"https"}, false, false},
		"LastCounts":       {"10.0.0.1:1", []string{"https, http"}, false, false},
		"LastHeaderCounts": {"10.0.0.1:1", []string{"http", "http, https"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tc.peer
			if tc.tls {
				r.TLS = &tls.ConnectionState{}
			}
			for _, v := range tc.proto {
				r.Header.Add("X-Forwarded-Proto", v)
			}
			if got := trusted.HTTPS(r); got != tc.want {
				t.Errorf("HTTPS = %v", got)
			}
		})
	}
}

// TestProxies_HTTPS_hops: the entry that the first trusted proxy has set decides.
func TestProxies_HTTPS_hops(t *testing.T) {
	trusted := proxies("10.0.0.0/8")
	for name, tc := range map[string]struct {
		xff, proto []string
		want       bool
	}{
		"BothAppend":             {[]string{"198.51.100.7, 10.0.0.2"}, []string{"https,http"}, true},
		"BothAppendHeaders":      {[]string{"198.51.100.7", "10.0.0.2"}, []string{"https", "http"}, true},
		"BothAppendPlainClient":  {[]string{"198.51.100.7, 10.0.0.2"}, []string{"http, https"}, false},
		"ThreeAppend":            {[]string{"198.51.100.7, 10.0.0.3, 10.0.0.2"}, []string{"https,http,http"}, true},
		"OneKeeps":               {[]string{"198.51.100.7, 10.0.0.2"}, []string{"https"}, true},
		"OneOverwrites":          {[]string{"198.51.100.7, 10.0.0.2"}, []string{"http"}, false},
		"OneProxy":               {[]string{"198.51.100.7"}, []string{"https,http"}, false},
		"OneProxyTLS":            {[]string{"198.51.100.7"}, []string{"http,https"}, true},
		"SpoofedByClient":        {[]string{"198.51.100.7, 10.0.0.2"}, []string{"https, http, http"}, false},
		"SpoofedWithAddress":     {[]string{"10.0.0.9, 198.51.100.7"}, []string{"https, http"}, false},
		"SpoofedWithBoth":        {[]string{"1.1.1.1, 198.51.100.7, 10.0.0.2"}, []string{"https, http, http"}, false},
		"OnlyProxies":            {[]string{"10.0.0.3, 10.0.0.2"}, []string{"https, http"}, true},
		"MalformedEntry":         {[]string{"unknown, 10.0.0.2"}, []string{"https, http"}, true},
		"MalformedEntryOfPeer":   {[]string{"198.51.100.7, unknown"}, []string{"https, http"}, false},
		"NoAddressesManyProtos":  {nil, []string{"https, http"}, false},
		"NoAddressesLastIsHTTPS": {nil, []string{"http, https"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = "10.0.0.1:99"
			r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"] = tc.xff, tc.proto
			if got := trusted.HTTPS(r); got != tc.want {
				t.Errorf("HTTPS = %v", got)
			}
			r.RemoteAddr = "192.0.2.1:99"
			if trusted.HTTPS(r) {
				t.Error("a peer that is not trusted decides")
			}
		})
	}
}
