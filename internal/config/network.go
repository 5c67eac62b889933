package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
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

// adminAddress takes host:port, and adds the host to AdminHosts if it is a name.
func adminAddress(c *Config) apply {
	set := address(&c.AdminAddress)
	return func(value string, bad reject) {
		set(value, bad)
		host, _, err := net.SplitHostPort(c.AdminAddress)
		if _, notIP := netip.ParseAddr(host); err == nil && host != "" && notIP != nil {
			c.AdminHosts = append(c.AdminHosts, hostName(host))
		}
	}
}

// adminHosts takes host names without ports, and adds them to AdminHosts.
func adminHosts(c *Config) apply {
	return func(value string, bad reject) {
		for _, item := range items(value) {
			if strings.ContainsAny(item, ":/[]@* \t") {
				bad(item, "must be host names such as rekey-metrics.auth.svc, without port and wildcard")
				continue
			}
			c.AdminHosts = append(c.AdminHosts, hostName(item))
		}
	}
}

// hostName returns a name in the form of a Host header: lower case, ASCII, without
// the dot at the end.
func hostName(name string) string {
	name = strings.TrimSuffix(name, ".")
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		name = ascii
	}
	return strings.ToLower(name)
}

// webURL takes http:// or https:// with a host, and removes trailing slashes.
func webURL(to *string) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			bad("", "must be a URL such as http://localhost:4318, without user, query or fragment")
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
		// net/url takes a socket's path only as a parameter.
		if _, err := url.Parse(socketHost.ReplaceAllString(value, "${1}localhost")); err != nil || !isServerURL(value) {
			bad(value, notServerURL)
			return
		}
		*to = Secret(value)
	}
}

const notServerURL = "is not a valid URL: special characters of the user and the password must be percent-encoded (@ is %40, / is %2F, # is %23)"

var (
	// socketHost finds a directory of a Unix socket in the place of the host.
	socketHost = regexp.MustCompile(`^(\w+://(?:[^/?#@]*@)?)%2[Ff][^/?#@,:]*`)
	serverHost = regexp.MustCompile(`^(?:[A-Za-z0-9_]([A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.%a-z]+\]|%2[Ff][^\s,:]*)?(?::[0-9]+)?$`)
)

// isServerURL reports whether a URL of servers has nothing at a place where a
// password with an unescaped character would end: parsers take the rest of such a
// password for a host, a path or a fragment, and print it.
func isServerURL(value string) bool {
	_, rest, _ := strings.Cut(value, "://")
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	if strings.Contains(rest, "#") || strings.Contains(tail, "@") || strings.Count(authority, "@") > 1 {
		return false
	}
	hosts := authority[strings.Index(authority, "@")+1:]
	for host := range strings.SplitSeq(hosts, ",") {
		if !serverHost.MatchString(host) {
			return false
		}
	}
	return true
}

// redisURL checks the scheme and the hosts. net/url does not parse the several
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
		if !isServerURL(value) {
			bad(value, notServerURL)
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
		for i, item := range list {
			origin, ok := normalOrigin(item)
			switch {
			case item == anyOrigin && len(list) > 1:
				bad(value, "* allows every origin and must stand alone")
			case item != anyOrigin && !ok:
				bad(item, "must be * or an origin such as https://app.example.com, without a path")
			case item != anyOrigin:
				list[i] = origin
			}
		}
		*to = list
	}
}

// normalOrigin returns an origin as browsers send it: without the default port of
// its scheme and a slash at the end, and with the host in the form of DNS.
func normalOrigin(s string) (string, bool) {
	s = strings.TrimSuffix(s, "/")
	if !isOrigin(s) {
		return "", false
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil {
		return "", false
	}
	host, port := u.Hostname(), u.Port()
	if !strings.Contains(host, ":") { // not an IPv6 address
		if host, err = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false)).ToASCII(host); err != nil || host == "" {
			return "", false
		}
	} else {
		addr, err := netip.ParseAddr(host)
		if err != nil {
			return "", false
		}
		host = "[" + addr.String() + "]"
	}
	if u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		port = ""
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return "", false
		}
		host += ":" + strconv.FormatUint(n, 10)
	}
	return u.Scheme + "://" + host, !strings.HasSuffix(s, ":")
}

// headerNames takes names of HTTP headers.
func headerNames(to *[]string) apply {
	return func(value string, bad reject) {
		for _, item := range items(value) {
			if strings.ContainsFunc(item, func(r rune) bool {
				return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
			}) {
				bad(item, "must be the name of a header, such as traceparent")
				return
			}
		}
		*to = items(value)
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
			bad("", "must be https:// and a host, without a path")
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
