package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// anyOrigin admits the pages of every origin.
const anyOrigin = "*"

// host takes a host name or an IP address, without brackets and port.
func host(to *string) apply {
	return func(value string, bad reject) {
		_, err := netip.ParseAddr(value)
		if err != nil && strings.ContainsAny(value, ":/[]@ \t") {
			bad(value, "must be a host name or an IP address, without port")
			return
		}
		*to = value
	}
}

// address takes host:port. An empty host stands for all interfaces.
func address(to *string) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		host, port, err := net.SplitHostPort(value)
		if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || strings.ContainsAny(host, "/@ \t") {
			bad(value, "must be host:port, such as 127.0.0.1:9090")
			return
		}
		*to = value
	}
}

// webURL takes http:// or https:// with a host, and removes trailing slashes.
func webURL(to *string) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			bad(value, "must be a URL such as http://localhost:4318, without user, query or fragment")
			return
		}
		*to = strings.TrimRight(value, "/")
	}
}

// databaseURL takes a URL for Postgres. Its problem omits the error of net/url,
// which repeats the URL.
func databaseURL(to *Secret) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		if !hasScheme(value, "postgres", "postgresql") {
			bad(value, "must begin with postgres:// or postgresql://")
			return
		}
		if _, err := url.Parse(value); err != nil {
			bad(value, "is not a valid URL; special characters in the password must be percent-encoded")
			return
		}
		*to = Secret(value)
	}
}

// redisURL checks only the scheme, because net/url does not parse the several
// hosts of a sentinel's or a cluster's URL.
func redisURL(to *Secret) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		if !hasScheme(value, "redis", "rediss", "redis+sentinel", "redis+cluster") {
			bad(value, "must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://")
			return
		}
		*to = Secret(value)
	}
}

// headers takes HTTP headers in the form that OpenTelemetry specifies.
func headers(to *Secret) apply {
	return func(value string, bad reject) {
		for _, item := range items(value) {
			name, content, ok := strings.Cut(item, "=")
			if _, err := url.PathUnescape(content); err != nil || !ok || strings.TrimSpace(name) == "" {
				bad(value, "must be name=value pairs, separated by commas, the values percent-encoded")
				return
			}
		}
		*to = Secret(value)
	}
}

// hasScheme reports whether value is one of the schemes, "://" and more.
func hasScheme(value string, schemes ...string) bool {
	scheme, rest, _ := strings.Cut(value, "://")
	for _, s := range schemes {
		if scheme == s && rest != "" {
			return true
		}
	}
	return false
}

func prefixes(to *[]netip.Prefix) apply {
	return func(value string, bad reject) {
		var list []netip.Prefix
		for _, item := range items(value) {
			prefix, ok := parsePrefix(item)
			if !ok {
				bad(item, "must be an IP address or a CIDR such as 10.0.0.0/8")
				continue
			}
			list = append(list, prefix)
		}
		*to = list
	}
}

// parsePrefix parses an address or a CIDR. An IPv4 address that is mapped to
// IPv6 becomes IPv4, like the addresses that are compared with it.
func parsePrefix(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), true
}

// origins takes a list of origins. Unset, it is any origin, and none in cookie
// mode; COOKIE_MODE must be declared before.
func origins(c *Config, to *[]string) apply {
	return func(value string, bad reject) {
		if value == "" && c.CookieMode {
			return
		}
		if value == "" {
			value = anyOrigin
		}
		list := items(strings.ToLower(value))
		if len(list) == 0 {
			bad(value, "must name an origin")
		}
		for _, item := range list {
			switch {
			case item == anyOrigin && len(list) > 1:
				bad(value, "* allows every origin and must stand alone")
			case item != anyOrigin && !isOrigin(item):
				bad(item, "must be * or an origin such as https://app.example.com, without a path")
			}
		}
		*to = list
	}
}

// issuer takes an origin, because the paths of the metadata are below it
// (RFC 8414 section 3). Only a loopback address may omit TLS.
func issuer(to *string) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		u, err := url.Parse(value)
		if err != nil || !isOrigin(value) || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
			bad(value, "must be https:// and a host, without a path")
			return
		}
		*to = value
	}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// isOrigin reports whether s is what a browser sends as Origin (RFC 6454
// section 7): scheme, host and port, nothing more.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && !strings.Contains(s, "*") && u.Scheme != "" && u.Host != "" && strings.EqualFold(s, u.Scheme+"://"+u.Host)
}
