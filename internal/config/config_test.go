package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

// env is a getenv over a map.
func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// pemFile creates a readable file and returns its path.
func pemFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad_Defaults(t *testing.T) {
	got, err := Load(env(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Environment: "development", Introspection: true, Explorer: true, AccountPage: true,
		Port: 8080, DataDir: "./data",
		AccessTTL: 15 * time.Minute, RefreshTTL: 30 * 24 * time.Hour, SessionTTL: 90 * 24 * time.Hour, DeletionGrace: 7 * 24 * time.Hour, MaxSessions: 100,
		ReuseWindow: 10 * time.Second, RetryTTL: 24 * time.Hour, AccessOverlap: 10 * time.Second,
		ClockLeeway: 30 * time.Second, RecentAuth: 10 * time.Minute, ReuseAction: "revoke", Zone: time.UTC, RateLimits: true, Limits: auth.DefaultLimits(),
		CORSOrigins: []string{"*"}, HTTPIdleTimeout: 2 * time.Minute, RequestTimeout: 8 * time.Second, ShutdownTimeout: 20 * time.Second, LogFormat: "text",
		DatabaseWait: 30 * time.Second, DatabaseMaxConns: 20, SecurityEventsRetention: 2160 * time.Hour, AccessTokenType: "JWT", KeyLead: 24 * time.Hour, JWKSMaxAge: 10 * time.Minute,
		EmailVerification: "optional",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Load() = %+v\nwant      %+v", got, want)
	}
}

func TestLoad_Values(t *testing.T) {
	access, refresh, old, ring := pemFile(t, "a.pem"), pemFile(t, "r.pem"), pemFile(t, "old.pem"), pemFile(t, "ring")
	got, err := Load(env(map[string]string{
		"HOST": "::1", "PORT": " 0 ", "DATA_DIR": t.TempDir(), "ADMIN_ADDR": "[::1]:9090", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://otel:4318/",
		"DATABASE_URL": "postgresql://u:p%40ss@db/rekey", "REDIS_URL": "redis+sentinel://a:1,b:2/0/main",
		"REUSE_ACTION": "reject", "TRUSTED_PROXIES": "10.1.2.3/8, 192.0.2.1,2001:db8::1,::ffff:198.51.100.0/120,",
		"RATE_LIMITS": "off", "ACCESS_PRIVATE_PEM_FILE": access, "REFRESH_PRIVATE_PEM_FILE": refresh,
		"ACCESS_VERIFY_PEM_FILES": old + "," + access, "ROTATION_KEY_FILE": ring, "TZ": ":Europe/Budapest",
		"CORS_ORIGINS": "https://App.example.com,http://localhost:3000", "LOG_LEVEL": "WARN", "LOG_FORMAT": "json",
		"REFRESH_GRACE": "1m", "REFRESH_GRACE_REST": "2m", "REUSE_WINDOW": "0", "ACCESS_TTL": "1s",
		"MASTER_KEY_PREVIOUS": "others", "MASTER_KEY_FILE": ring, "KEY_ROTATION": "720h", "ISSUER": "https://auth.example.com:8443", "AUDIENCE": "a, b", "JWKS_MAX_AGE": "60s", "KEY_LEAD": "48h",
	}))
	if err != nil {
		t.Fatal(err)
	}
	for name, same := range map[string]bool{
		"address":    got.Address() == "[::1]:0" && got.AdminAddress == "[::1]:9090" && got.TracesEndpoint == "https://otel:4318",
		"urls":       got.DatabaseURL == "postgresql://u:p%40ss@db/rekey" && got.RedisURL == "redis+sentinel://a:1,b:2/0/main",
		"action":     got.ReuseAction == "reject" && !got.RateLimits,
		"files":      got.AccessPrivatePEMFile == access && got.RefreshPrivatePEMFile == refresh && got.RotationKeyFile == ring,
		"lists":      reflect.DeepEqual(got.AccessVerifyPEMFiles, []string{old, access}) && got.RefreshVerifyPEMFiles == nil,
		"zone":       got.Zone.String() == "Europe/Budapest",
		"origins":    reflect.DeepEqual(got.CORSOrigins, []string{"https://app.example.com", "http://localhost:3000"}),
		"master key": got.MasterKeyPrevious == "others" && got.MasterKeyFile == ring,
		"issuer":     got.Issuer == "https://auth.example.com:8443" && reflect.DeepEqual(got.Audience, []string{"a", "b"}),
		"key change": got.KeyRotation == 720*time.Hour && got.JWKSMaxAge == time.Minute && got.KeyLead == 48*time.Hour,
		"log":        got.LogLevel == slog.LevelWarn && got.LogFormat == "json",
		"durations":  got.RefreshGrace == time.Minute && got.RefreshGraceREST == 2*time.Minute && got.ReuseWindow == 0 && got.AccessTTL == time.Second,
		"proxies": reflect.DeepEqual(got.TrustedProxies, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"),
			netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("198.51.100.0/24")}),
	} {
		if !same {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A leeway below one second would refuse valid tokens: a clock counts as skewed
// only from there on.
func TestLoad_Leeway(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"0s": time.Second, "100ms": time.Second, "999ms": time.Second, "1s": time.Second, "1500ms": 1500 * time.Millisecond,
	} {
		cfg, err := Load(env(map[string]string{"CLOCK_LEEWAY": value}))
		if err != nil || cfg.ClockLeeway != want {
			t.Errorf("%s: %v, %v, want %v", value, cfg.ClockLeeway, err, want)
		}
	}
}

// Every secret can be in a file that ends in a line break, but not set twice.
func TestLoad_Files(t *testing.T) {
	values := map[string]string{
		"DATABASE_URL": "postgres://u:p@db/x", "REDIS_URL": "redis://cache:6379", "MASTER_KEY_PREVIOUS": "others",
		"SMTP_URL": "smtps://u:p@mail", "MAIL_WEBHOOK_URL": "https://hook.example/x", "MAIL_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
		"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20x",
	}
	path := filepath.Join(t.TempDir(), "secret")
	var got Config
	for _, s := range settings(&got) {
		if s.inFile == nil {
			if s.secret && s.name != "MASTER_KEY" && !strings.HasSuffix(s.name, fileSuffix) {
				t.Errorf("%s is secret and cannot be in a file", s.name)
			}
			continue
		}
		value := values[s.name]
		if err := os.WriteFile(path, []byte(value+"\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		others := map[string]string{s.name + "_FILE": path} // what the setting needs beside it
		switch s.name {
		case "SMTP_URL", "MAIL_WEBHOOK_URL":
			others["MAIL_FROM"] = "a@example.com"
			fallthrough
		case "MAIL_WEBHOOK_SECRET":
			if s.name != "SMTP_URL" {
				others["MAIL_FROM"] = "a@example.com"
				for _, name := range []string{"MAIL_WEBHOOK_URL", "MAIL_WEBHOOK_SECRET"} {
					if name != s.name {
						others[name] = values[name]
					}
				}
			}
		}
		got, err = Load(env(others))
		if err != nil || string(*s.inFile) != value || value == "" {
			t.Errorf("%s_FILE: %q, %v", s.name, string(*s.inFile), err)
		}
		_, err = Load(env(map[string]string{s.name: value, s.name + "_FILE": path}))
		if err == nil || !strings.Contains(err.Error(), s.name+"_FILE: must not be set together with "+s.name) {
			t.Errorf("%s twice: %v", s.name, err)
		}
	}
	_, err := Load(env(map[string]string{"MASTER_KEY": "x", "MASTER_KEY_FILE": path}))
	if err == nil || !strings.Contains(err.Error(), "together with MASTER_KEY") {
		t.Errorf("MASTER_KEY twice: %v", err)
	}
}

func TestLoad_URLFiles(t *testing.T) {
	file := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got, err := Load(env(map[string]string{
		"DATABASE_URL_FILE": file("database", "postgres://u:p@db/x\n"), "REDIS_URL_FILE": file("redis", " redis://cache:6379"),
	}))
	if err != nil || got.DatabaseURL != "postgres://u:p@db/x" || got.RedisURL != "redis://cache:6379" {
		t.Errorf("%q, %q, %v", string(got.DatabaseURL), string(got.RedisURL), err)
	}
	if _, err := Load(env(map[string]string{"REDIS_URL_FILE": file("empty", "\n")})); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty file: %v", err)
	}
}

// Only a switch that is unset depends on ENV.
func TestLoad_Production(t *testing.T) {
	for name, tc := range map[string]struct {
		vars vars
		want bool
	}{
		"development": {vars{}, true},
		"production":  {vars{"ENV": "production"}, false},
		"off":         {vars{"INTROSPECTION": "off", "EXPLORER": "off"}, false},
		"on":          {vars{"ENV": "production", "INTROSPECTION": "on", "EXPLORER": "on"}, true},
	} {
		if got, err := Load(env(tc.vars)); err != nil || got.Introspection != tc.want || got.Explorer != tc.want {
			t.Errorf("%s: introspection %v, explorer %v, %v", name, got.Introspection, got.Explorer, err)
		}
	}
}

func TestLoad_CookieMode(t *testing.T) {
	for name, tc := range map[string]struct {
		vars vars
		want []string
	}{
		"off":    {vars{}, []string{"*"}},
		"on":     {vars{"COOKIE_MODE": "on"}, nil},
		"listed": {vars{"COOKIE_MODE": "on", "CORS_ORIGINS": "https://a.example"}, []string{"https://a.example"}},
	} {
		if got, err := Load(env(tc.vars)); err != nil || !reflect.DeepEqual(got.CORSOrigins, tc.want) {
			t.Errorf("%s: origins %v, %v", name, got.CORSOrigins, err)
		}
	}
}

func TestLoad_EveryProblemAtOnce(t *testing.T) {
	vars := map[string]string{
		"PORT": "70000", "ACCESS_TTL": "1500ms", "REUSE_WINDOW": "-5s", "TZ": "Mars/Olympus",
		"TRUSTED_PROXIES": "10.0.0.0/33,proxy", "REUSE_ACTION": "ignore", "LOG_FORMAT": "xml",
	}
	_, err := Load(env(vars))
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`PORT: "70000": must be a whole number from 0 to 65535`,
		`ACCESS_TTL: "1500ms": must be a whole number of seconds`,
		`TZ: "Mars/Olympus": must be a zone of the tz database, such as UTC or Europe/Budapest`,
		`REUSE_WINDOW: "-5s": must not be negative`,
		`REUSE_ACTION: "ignore": must be revoke or reject`,
		`TRUSTED_PROXIES: "10.0.0.0/33": must be an IP address or a CIDR such as 10.0.0.0/8`,
		`TRUSTED_PROXIES: "proxy": must be an IP address or a CIDR such as 10.0.0.0/8`,
		`LOG_FORMAT: "xml": must be text or json`,
	}
	if got := strings.Split(err.Error(), "\n"); !reflect.DeepEqual(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLoad_Refused(t *testing.T) {
	dir, key := t.TempDir(), pemFile(t, "key.pem")
	for name, tc := range map[string]struct {
		vars map[string]string
		want string // what the only line says, after the name of the variable
	}{
		"HOST with port":                     {vars{"HOST": "localhost:80"}, "without port"},
		"PORT not a number":                  {vars{"PORT": "http"}, "whole number"},
		"PORT negative":                      {vars{"PORT": "-1"}, "from 0 to 65535"},
		"DATA_DIR a file":                    {vars{"DATA_DIR": key}, "must be a directory"},
		"DATABASE_MAX_CONNS 1":               {vars{"DATABASE_MAX_CONNS": "1"}, "from 2 to 1000"},
		"DATABASE_WAIT long":                 {vars{"DATABASE_WAIT": "2h"}, "at most 1h"},
		"DATABASE_URL scheme":                {vars{"DATABASE_URL": "mysql://db/x"}, "postgres://"},
		"DATABASE_URL bare":                  {vars{"DATABASE_URL": "postgres://"}, "postgres://"},
		"DATABASE_URL broken":                {vars{"DATABASE_URL": "postgres://u:%zz@db/x"}, "percent-encoded"},
		"DATABASE_URL_FILE":                  {vars{"DATABASE_URL_FILE": dir + "/none"}, "no such file"},
		"DATABASE_URL_FILE +":                {vars{"DATABASE_URL": "postgres://db/x", "DATABASE_URL_FILE": key}, "together with DATABASE_URL"},
		"REDIS_URL_FILE":                     {vars{"REDIS_URL_FILE": key}, "redis://"},
		"REDIS_URL scheme":                   {vars{"REDIS_URL": "localhost:6379"}, "redis://"},
		"ACCESS_TTL unit":                    {vars{"ACCESS_TTL": "15"}, "must be a duration"},
		"ACCESS_TTL zero":                    {vars{"ACCESS_TTL": "0s"}, "at least 1s"},
		"ACCESS_TTL negative":                {vars{"ACCESS_TTL": "-1s"}, "must not be negative"},
		"ACCESS_TTL long":                    {vars{"ACCESS_TTL": "25h"}, "at most 24h"},
		"ACCESS_TTL over":                    {vars{"ACCESS_TTL": "2h", "REFRESH_TTL": "1h"}, "longer than REFRESH_TTL (1h0m0s)"},
		"REFRESH_TTL over":                   {vars{"REFRESH_TTL": "3000h"}, "longer than SESSION_TTL (2160h0m0s)"},
		"REFRESH_GRACE_REST over":            {vars{"REFRESH_GRACE_REST": "20s", "RETRY_TTL": "10s"}, "longer than RETRY_TTL (10s)"},
		"REFRESH_GRACE over":                 {vars{"REFRESH_GRACE": "20s", "RETRY_TTL": "10s"}, "longer than RETRY_TTL (10s)"},
		"CLOCK_LEEWAY long":                  {vars{"CLOCK_LEEWAY": "1h"}, "at most 5m"},
		"RATE_LIMITS word":                   {vars{"RATE_LIMITS": "no"}, "on or off"},
		"TZ of the machine":                  {vars{"TZ": "Local"}, "tz database"},
		"LOG_LEVEL word":                     {vars{"LOG_LEVEL": "loud"}, "debug, info, warn or error"},
		"CORS_ORIGINS path":                  {vars{"CORS_ORIGINS": "https://a.example/app"}, `CORS_ORIGINS: "https://a.example/app": must be`},
		"CORS_ORIGINS host":                  {vars{"CORS_ORIGINS": "https://xn--a.example"}, `"https://xn--a.example"`},
		"CORS_ORIGINS port":                  {vars{"CORS_ORIGINS": "https://a.example:"}, "without a path"},
		"CORS_ORIGINS pattern":               {vars{"CORS_ORIGINS": "https://*.example"}, "origin such as"},
		"CORS_ORIGINS mixed":                 {vars{"CORS_ORIGINS": "*,https://a.example"}, "stand alone"},
		"CORS_ORIGINS none":                  {vars{"CORS_ORIGINS": ","}, "must name an origin"},
		"CORS_ORIGINS any":                   {vars{"COOKIE_MODE": "on", "CORS_ORIGINS": "*"}, "must name the origins"},
		"COOKIE_MODE word":                   {vars{"COOKIE_MODE": "yes"}, "on or off"},
		"ENV word":                           {vars{"ENV": "prod"}, "development or production"},
		"INTROSPECTION word":                 {vars{"INTROSPECTION": "no"}, "on or off"},
		"ROTATION_KEY_FILE":                  {vars{"ROTATION_KEY_FILE": dir + "/none"}, "no such file"},
		"MASTER_KEY_FILE":                    {vars{"MASTER_KEY_FILE": dir + "/none"}, "no such file"},
		"OTEL_EXPORTER_OTLP_HEADERS":         {vars{"OTEL_EXPORTER_OTLP_HEADERS": "a=b,secret"}, "percent-encoded"},
		"ISSUER path":                        {vars{"ISSUER": "https://a.example/auth"}, "without a path"},
		"ISSUER plain":                       {vars{"ISSUER": "http://a.example"}, "must be https://"},
		"AUDIENCE":                           {vars{"AUDIENCE": "a"}, "without ISSUER"},
		"KEY_ROTATION":                       {vars{"KEY_ROTATION": "9m59s"}, "must not be shorter than JWKS_MAX_AGE"},
		"KEY_ROTATION and lead":              {vars{"KEY_ROTATION": "23h"}, "must not be shorter than KEY_LEAD (24h0m0s)"},
		"ACCESS_TOKEN_TYP":                   {vars{"ACCESS_TOKEN_TYP": "at+jwt"}, "needs ISSUER"},
		"ACCESS_TOKEN_TYP unknown":           {vars{"ACCESS_TOKEN_TYP": "JWE"}, "must be JWT or at+jwt"},
		"KEY_LEAD":                           {vars{"KEY_LEAD": "-1s"}, "KEY_LEAD"},
		"JWKS_MAX_AGE":                       {vars{"JWKS_MAX_AGE": "1500ms"}, "whole number of seconds"},
		"ADMIN_ADDR bare":                    {vars{"ADMIN_ADDR": "localhost"}, "host:port"},
		"OTEL_EXPORTER_OTLP_ENDPOINT scheme": {vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "http://localhost:4318"},
		"OTEL_EXPORTER_OTLP_ENDPOINT user":   {vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://u:p@localhost:4318"}, "without user"},
		"ADMIN_ADDR as URL":                  {vars{"ADMIN_ADDR": "http://localhost:9090"}, "host:port"},
		"ADMIN_ADDR by name":                 {vars{"ADMIN_ADDR": "localhost:http"}, "host:port"},

		"REFRESH_PRIVATE_PEM_FILE missing": {vars{"ACCESS_PRIVATE_PEM_FILE": key}, "must be set when ACCESS_PRIVATE_PEM_FILE is"},
		"ACCESS_PRIVATE_PEM_FILE missing":  {vars{"REFRESH_PRIVATE_PEM_FILE": key}, "must be set when REFRESH_PRIVATE_PEM_FILE is"},
		"REFRESH_PRIVATE_PEM_FILE same":    {vars{"ACCESS_PRIVATE_PEM_FILE": key, "REFRESH_PRIVATE_PEM_FILE": key}, "must be another file"},
		"ACCESS_VERIFY_PEM_FILES dir":      {vars{"ACCESS_VERIFY_PEM_FILES": key + "," + dir}, "is not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(env(tc.vars))
			if err == nil {
				t.Fatal("no error")
			}
			variable, _, _ := strings.Cut(name, " ")
			if got := err.Error(); !strings.HasPrefix(got, variable+": ") || !strings.Contains(got, tc.want) || strings.Contains(got, "\n") {
				t.Errorf("error = %s\nwant one line on %s with %q", got, variable, tc.want)
			}
		})
	}
}

type vars = map[string]string

func TestLoad_PartlyValid(t *testing.T) {
	key, other := pemFile(t, "a.pem"), pemFile(t, "b.pem")
	got, err := Load(env(vars{"PORT": "x", "ACCESS_PRIVATE_PEM_FILE": key, "REFRESH_PRIVATE_PEM_FILE": other, "ACCESS_VERIFY_PEM_FILES": "/none," + key}))
	if err == nil || got.AccessPrivatePEMFile != key || !reflect.DeepEqual(got.AccessVerifyPEMFiles, []string{key}) {
		t.Errorf("the valid key files are not returned with the error: %+v, %v", got, err)
	}
}

func TestLoad_NoSecretInErrors(t *testing.T) {
	const password = "hunter2"
	pasted := "-----BEGIN EC PRIVATE KEY-----\n" + password + "\n-----END EC PRIVATE KEY-----"
	url := "postgres://rekey:" + password + "@db:port/rekey%"
	all := vars{}
	for _, s := range settings(new(Config)) {
		for _, value := range []string{url, pasted, "redis:/x:" + password + "@h"} {
			all[s.name] = value
			_, err := Load(env(vars{s.name: value}))
			if err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("%s: %v", s.name, err)
			}
		}
	}
	if _, err := Load(env(all)); err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("all at once: %v", err)
	}
}

func TestSecret_Hidden(t *testing.T) {
	c := Config{DatabaseURL: "postgres://u:hunter2@db/x"}
	var line strings.Builder
	slog.New(slog.NewJSONHandler(&line, nil)).Info("x", "config", c, "url", c.DatabaseURL)
	slog.New(slog.NewTextHandler(&line, nil)).Info("x", "config", c, "url", c.DatabaseURL)
	fmt.Fprintf(&line, "%v %+v %#v %s %q %x", c, c, c, c.DatabaseURL, c.DatabaseURL, c.DatabaseURL)
	if strings.Contains(line.String(), "hunter2") || strings.Contains(line.String(), fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("the password is shown: %s", line.String())
	}
	if string(c.DatabaseURL) != "postgres://u:hunter2@db/x" || c.RedisURL.String() != "" {
		t.Error("the value is lost, or an empty secret is shown as something")
	}
}
