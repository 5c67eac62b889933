package doctor

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"rekey/internal/config"
	"rekey/internal/spelling"
)

// Environment is where the settings come from.
type Environment struct {
	Names     []string // of the process' variables
	File      string   // .env, or the one that was named; empty for none
	FileNames []string // the names in it
	Addresses []netip.Addr
}

// Settings judges the configuration; err is why it cannot work, if so.
func Settings(cfg config.Config, err error, env Environment) Report {
	var r Report
	if err != nil {
		for problem := range strings.Lines(err.Error()) {
			r = append(r, failed("settings", strings.TrimSpace(problem), "set it right: see docs/configuration.md; the service does not start"))
		}
	} else {
		r = append(r, ok("settings", cfg.Environment+", all valid"))
	}
	r = append(r, misspelt(env)...)
	if cfg.Environment == config.Production {
		r = append(r, exposed(cfg)...)
	}
	return append(r, adminAddress(cfg.AdminAddress, env.Addresses)...)
}

// ownPrefix is what people put before names, since others do.
const ownPrefix = "REKEY_"

// misspelt looks for variables that were meant to be settings. In a file, all
// were.
func misspelt(env Environment) (r Report) {
	known := map[string]bool{}
	names := config.Names()
	for _, name := range names {
		known[name] = true
	}
	for _, name := range env.Names {
		if known[name] || forLibraries(name) || injected(name) {
			continue
		}
		meant := spelling.Nearest(name, names)
		if bare := strings.TrimPrefix(name, ownPrefix); known[bare] {
			meant = bare
		}
		if meant != "" {
			r = append(r, warning("settings.names", name+" is no setting", "did you mean "+meant+"?"))
		}
	}
	return append(r, FileNames(env.File, env.FileNames)...)
}

// FileNames looks for names in a file of settings that are none. It may be
// given all that are in the file.
func FileNames(file string, names []string) (r Report) {
	known := config.Names()
	for _, name := range names {
		if slices.Contains(known, name) || forLibraries(name) {
			continue
		}
		advice := "take it out, or see docs/configuration.md"
		if meant := spelling.Nearest(strings.TrimPrefix(name, ownPrefix), known); meant != "" {
			advice = "did you mean " + meant + "?"
		}
		r = append(r, warning("settings.names", fmt.Sprintf("%s in %s is no setting", name, file), advice))
	}
	return r
}

// forLibraries are names that others read: OpenTelemetry's SDK, Postgres'
// client, the Go runtime, the one that verifies TLS.
func forLibraries(name string) bool {
	for _, prefix := range []string{"OTEL_", "PG", "GO", "SSL_CERT_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// injected is what Kubernetes tells every pod of a service called rekey.
func injected(name string) bool { return name == ownPrefix+"PORT" || name == ownPrefix+"HOST" }

// exposed looks for what is wrong for a service that strangers reach.
func exposed(cfg config.Config) Report {
	r := Report{
		expect(cfg.RateLimits, "settings.RATE_LIMITS", onOff(cfg.RateLimits), "RATE_LIMITS=on: passwords can be guessed without end"),
		expect(!cfg.Introspection, "settings.INTROSPECTION", onOff(cfg.Introspection), "unset it, unless everybody may know the schema"),
		expect(!cfg.Explorer, "settings.EXPLORER", onOff(cfg.Explorer), "unset it, unless everybody may use the explorer"),
		origins(cfg),
	}
	for _, p := range cfg.TrustedProxies {
		if p.Bits() == 0 {
			r = append(r, warning("settings.TRUSTED_PROXIES", p.String(),
				"name your own proxies: everybody can claim any address, which limits and the journal then believe"))
		}
	}
	if host, plain := plainDatabase(string(cfg.DatabaseURL)); plain {
		r = append(r, warning("settings.DATABASE_URL", "no TLS is demanded on the way to "+host, "add sslmode=verify-full, unless nobody else is on that network"))
	}
	return r
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// origins that come without TLS can be anybody on the way.
func origins(cfg config.Config) Finding {
	found := strings.Join(cfg.CORSOrigins, ", ")
	if found == "" {
		found = "none but this service's own"
	}
	if cfg.CookieMode {
		found += "; browsers keep the refresh token in a cookie"
	}
	for _, o := range cfg.CORSOrigins {
		u, err := url.Parse(o)
		if err == nil && u.Scheme == "http" && !isLocal(u.Hostname()) {
			return warning("settings.CORS_ORIGINS", found, "name "+o+" with https: whoever is on the way can put a page there")
		}
	}
	return ok("settings.CORS_ORIGINS", found)
}

// plainDatabase reports whether passwords and hashes go to another machine in
// clear.
func plainDatabase(address string) (host string, plain bool) {
	u, err := url.Parse(address)
	if address == "" || err != nil || isLocal(u.Hostname()) || u.Query().Get("host") != "" {
		return "", false
	}
	switch u.Query().Get("sslmode") {
	case "require", "verify-ca", "verify-full":
		return "", false
	}
	return u.Hostname(), true
}

func isLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || err == nil && addr.IsLoopback()
}

// adminAddress must not be what strangers reach: nobody is asked who they are.
func adminAddress(listen string, own []netip.Addr) Report {
	if listen == "" {
		return nil
	}
	const check = "settings.ADMIN_ADDR"
	advice := "bind it to an address that only operators reach: profiles and metrics are for whoever asks"
	host := listen[:strings.LastIndex(listen, ":")]
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && !addr.IsUnspecified() {
		return Report{expect(!isPublic(addr), check, listen, advice)}
	}
	if host != "" && host != "0.0.0.0" && host != "[::]" {
		return Report{ok(check, listen)} // a name
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
