package config

import (
	"slices"
	"strings"
	"testing"
)

// secretTail is the end of a password that has an unescaped character before it.
const secretTail = "S3cretTail"

// No problem quotes a part of a URL, whatever is wrong with it.
func TestLoad_URLsNeverQuoted(t *testing.T) {
	urls := []string{secretTail, "u:" + secretTail, "host=db password=" + secretTail, "http://db/x?key=" + secretTail, "ftp://" + secretTail, "://" + secretTail}
	for _, before := range []string{"@", "/", "?", "#", "%", " ", ":", "[", "\\", ",", "@b:", "@b/", "@b#", "@b?"} {
		for _, after := range []string{"@db:1/x", "/t@db:1/x", "#t@db/x", ":t@db/x", "?t@db/x", "", ":1,db:2/x"} {
			for _, scheme := range []string{"postgres", "postgresql", "mysql", "redis", "redis+sentinel", "redis+cluster", "http", "https"} {
				urls = append(urls, scheme+"://app:hunter"+before+secretTail+after)
			}
		}
	}
	for _, url := range urls {
		for _, name := range []string{"DATABASE_URL", "REDIS_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "ISSUER"} {
			if _, err := Load(env(vars{name: url})); err != nil && strings.Contains(err.Error(), secretTail) {
				t.Errorf("%s=%s: %v", name, url, err)
			}
		}
		if _, err := Load(env(vars{"HOST": url, "CORS_ORIGINS": url, "ADMIN_ADDR": url})); strings.Contains(url, "@") && err != nil && strings.Contains(err.Error(), secretTail) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// An unescaped character of a password is found before anything connects to the
// host that the rest of the password seems to be.
func TestLoad_Passwords(t *testing.T) {
	for _, scheme := range []string{"postgres", "redis", "redis+sentinel", "redis+cluster"} {
		name := "REDIS_URL"
		if scheme == "postgres" {
			name = "DATABASE_URL"
		}
		for rest, ok := range map[string]bool{
			"app:hunter@" + secretTail + "@db/x": false, "app:hunter@" + secretTail + "/t@db/x": false, "app:hunter@" + secretTail + "#t@db/x": false,
			"app:hunter@db,x@db:1/x": false, "app:hunter@db/x#t": false, "app:a/b@db/x": false, "app:a?b@db/x": false, "app:a#b@db/x": false,
			"app:p@d b/x": false, "app:p@db:1x/x": false,
			"app:p%40%2F%23@db/x": true, "app:p@db:1,db-2.example:2/x": true, "app:p@[::1]:5432/x": true, "db/x": true, "app:p@db_1/x?a=b:c": true,
		} {
			_, err := Load(env(vars{name: scheme + "://" + rest}))
			if (err == nil) != ok || err != nil && !strings.HasPrefix(err.Error(), name+": ") {
				t.Errorf("%s://%s: %v", scheme, rest, err)
			}
		}
	}
	for _, url := range []string{"postgres://app:p@%2Fvar%2Frun%2Fpostgresql/x", "postgres://%2Fvar%2frun:5433/x", "postgres://app:p@/x?host=/var/run"} {
		if got, err := Load(env(vars{"DATABASE_URL": url})); err != nil || string(got.DatabaseURL) != url {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestLoad_Origins(t *testing.T) {
	for origin, want := range map[string]string{
		"https://app.example:443":   "https://app.example",
		"http://app.example:80/":    "http://app.example",
		"https://app.example:80":    "https://app.example:80",
		"https://App.Example/":      "https://app.example",
		"https://münchen.example":   "https://xn--mnchen-3ya.example",
		"https://MÜNCHEN.example:":  "",
		"http://localhost:03000":    "http://localhost:3000",
		"http://[::1]:3000":         "http://[::1]:3000",
		"http://[0:0::1]:80":        "http://[::1]",
		"http://my_host:8080":       "http://my_host:8080",
		"capacitor://localhost":     "capacitor://localhost",
		"https://app.example/a":     "",
		"https://app.example//":     "",
		"https://app.example?x":     "",
		"https://u:p@app.example":   "",
		"https://app.example:99999": "",
		"app.example":               "",
		"null":                      "",
	} {
		got, err := Load(env(vars{"CORS_ORIGINS": origin}))
		switch {
		case want == "":
			if err == nil || !strings.HasPrefix(err.Error(), "CORS_ORIGINS: ") {
				t.Errorf("%s: %v, %v", origin, got.CORSOrigins, err)
			}
		case err != nil || len(got.CORSOrigins) != 1 || got.CORSOrigins[0] != want:
			t.Errorf("%s: %v, %v, want %s", origin, got.CORSOrigins, err, want)
		}
	}
}

func TestLoad_AdminHosts(t *testing.T) {
	for _, tt := range []struct {
		address, hosts string
		want           []string
	}{
		{":9090", "", nil},
		{"127.0.0.1:9090", "", nil},
		{"[::1]:9090", "", nil},
		{"Admin.internal.:9090", "", []string{"admin.internal"}},
		{":9090", "rekey-metrics.auth.svc, Bücher.example,a.", []string{"rekey-metrics.auth.svc", "xn--bcher-kva.example", "a"}},
		{"admin.internal:9090", "b", []string{"admin.internal", "b"}},
	} {
		cfg, err := Load(env(vars{"ADMIN_ADDR": tt.address, "ADMIN_HOSTS": tt.hosts}))
		if err != nil || !slices.Equal(cfg.AdminHosts, tt.want) {
			t.Errorf("%s, %s: %q, %v, want %q", tt.address, tt.hosts, cfg.AdminHosts, err, tt.want)
		}
	}
	for _, hosts := range []string{"a:9090", "http://a", "*.a", "*", "[::1]", "a b"} {
		if _, err := Load(env(vars{"ADMIN_ADDR": ":9090", "ADMIN_HOSTS": hosts})); err == nil || !strings.Contains(err.Error(), "ADMIN_HOSTS") {
			t.Errorf("%s: %v", hosts, err)
		}
	}
	if _, err := Load(env(vars{"ADMIN_HOSTS": "a"})); err == nil || !strings.Contains(err.Error(), "has no effect without ADMIN_ADDR") {
		t.Errorf("without ADMIN_ADDR: %v", err)
	}
}
