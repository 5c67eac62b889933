package doctor

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"rekey/internal/config"
)

// settings checks the configuration and the names of variables. own are the
// addresses of this machine.
func (o Options) settings(own []netip.Addr) (r Report) {
	if o.Problems != nil {
		for problem := range strings.Lines(o.Problems.Error()) {
			r = append(r, failed("settings", strings.TrimSpace(problem), "correct it: see docs/configuration.md; the service does not start"))
		}
	} else {
		r = append(r, ok("settings", o.Config.Environment+", all valid"))
	}
	r = append(r, o.misspelt()...)
	r = append(r, FileNames(o.EnvFile, o.EnvNames, o.Nearest)...)
	if age := o.Config.JWKSMaxAge; age > 0 && age < config.SlowKeyFetch {
		r = append(r, warning("settings.JWKS_MAX_AGE", age.String(), config.ShortKeyAge))
	}
	if o.Config.Environment == config.Production {
		r = append(r, exposed(o.Config)...)
	}
	r = append(r, mailSettings(o.Config)...)
	r = append(r, adminAddress(o.Config.AdminAddress, own)...)
	r = append(r, o.limits()...)
	return append(r, o.proxies()...)
}

// ownPrefix is a prefix that people add to names, because other programs use
// one.
const ownPrefix = "REKEY_"

// misspelt finds variables of the environment that resemble a setting.
func (o Options) misspelt() (r Report) {
	known := config.Names()
	for _, name := range o.Names {
		// Kubernetes sets these two in the pods of a service called rekey.
		injected := name == ownPrefix+"PORT" || name == ownPrefix+"HOST"
		if slices.Contains(known, name) || forLibraries(name) || injected {
			continue
		}
		meant := o.Nearest(name, known)
		if bare := strings.TrimPrefix(name, ownPrefix); slices.Contains(known, bare) {
			meant = bare
		}
		if meant != "" {
			r = append(r, warning("settings.names", name+" is not a setting", "did you mean "+meant+"?"))
		}
	}
	return r
}

// FileNames finds names in a file of settings that are not settings.
func FileNames(file string, names []string, nearest func(word string, names []string) string) (r Report) {
	known := config.Names()
	for _, name := range names {
		if slices.Contains(known, name) || forLibraries(name) {
			continue
		}
		advice := "remove it, or see docs/configuration.md"
		if meant := nearest(strings.TrimPrefix(name, ownPrefix), known); meant != "" {
			advice = "did you mean " + meant + "?"
		}
		r = append(r, warning("settings.names", fmt.Sprintf("%s in %s is not a setting", name, file), advice))
	}
	return r
}

// forLibraries reports whether a variable is for OpenTelemetry's SDK, Postgres'
// client, the Go runtime or Go's TLS.
func forLibraries(name string) bool {
	for _, prefix := range []string{"OTEL_", "PG", "GO", "SSL_CERT_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// exposed checks settings of a service that strangers can reach.
func exposed(cfg config.Config) Report {
	r := Report{
		expect(cfg.RateLimits, "settings.RATE_LIMITS", onOff(cfg.RateLimits), "RATE_LIMITS=on: otherwise anyone can guess passwords without limit"),
		expect(!cfg.Introspection, "settings.INTROSPECTION", onOff(cfg.Introspection), "unset it, unless everybody may read the schema"),
		expect(!cfg.Explorer, "settings.EXPLORER", onOff(cfg.Explorer), "unset it, unless everybody may use the explorer"),
		origins(cfg),
	}
	for _, p := range cfg.TrustedProxies {
		if p.Bits() == 0 {
			r = append(r, warning("settings.TRUSTED_PROXIES", p.String(),
				"name only your own proxies: otherwise every client can claim any address for rate limits and the journal"))
		}
	}
	if plainDatabase(string(cfg.DatabaseURL)) {
		r = append(r, warning("settings.DATABASE_URL", "no TLS is required for the connection to another machine", "add sslmode=verify-full, unless nobody else uses that network"))
	}
	return r
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// origins warns of origins without TLS, whose pages anybody in the network can
// replace.
func origins(cfg config.Config) Finding {
	found := strings.Join(cfg.CORSOrigins, ", ")
	if found == "" {
		found = "only this service's own"
	}
	if cfg.CookieMode {
		found += "; browsers keep the refresh token in a cookie"
	}
	for _, o := range cfg.CORSOrigins {
		u, err := url.Parse(o)
		if err == nil && u.Scheme == "http" && !isLocal(u.Hostname()) {
			return warning("settings.CORS_ORIGINS", found, "use https for "+o+": anybody in the network can replace its pages")
		}
	}
	return ok("settings.CORS_ORIGINS", found)
}

// plainDatabase reports whether passwords and hashes may be sent to another
// machine without encryption.
func plainDatabase(address string) bool {
	u, err := url.Parse(address)
	if address == "" || err != nil || isLocal(u.Hostname()) || u.Query().Get("host") != "" {
		return false
	}
	switch u.Query().Get("sslmode") {
	case "require", "verify-ca", "verify-full":
		return false
	}
	return true
}

func isLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || err == nil && addr.IsLoopback()
}

// adminAddress warns of an address that strangers can reach, because it has no
// authentication.
func adminAddress(listen string, own []netip.Addr) Report {
	if listen == "" {
		return nil
	}
	const check = "settings.ADMIN_ADDR"
	advice := "bind it to an address that only operators can reach: profiles and metrics have no authentication"
	host := listen[:strings.LastIndex(listen, ":")]
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && !addr.IsUnspecified() {
		return Report{expect(!isPublic(addr), check, listen, advice)}
	}
	if host != "" && host != "0.0.0.0" && host != "[::]" {
		return Report{ok(check, listen)} // a host name
	}
	for _, addr := range own {
		if isPublic(addr) {
			return Report{warning(check, fmt.Sprintf("%s, which is also %s", listen, addr), advice)}
		}
	}
	return Report{ok(check, listen)}
}

func isPublic(addr netip.Addr) bool {
	return addr.IsGlobalUnicast() && !addr.IsPrivate()
}
