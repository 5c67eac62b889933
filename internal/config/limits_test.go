package config

import (
	"slices"
	"strings"
	"testing"

	"rekey/internal/auth"
)

func TestLoad_Limits(t *testing.T) {
	cfg, err := Load(env(map[string]string{"LIMITS": " login_address=5/s:50, refresh = 90/min ,journal_limited=0.5/min: 2, "}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range auth.DefaultLimits() {
		switch want.Name {
		case "login_address":
			want.Rate, want.Burst = 5, 50
		case "refresh":
			want.Rate = 1.5 // and its burst remains
		case "journal_limited":
			want.Rate, want.Burst = 1./120, 2
		}
		if got := *cfg.Limits.Named(want.Name); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// What LIMITS accepts includes how limits are shown.
func TestLoad_Limits_asShown(t *testing.T) {
	var shown []string
	for _, l := range auth.DefaultLimits() {
		shown = append(shown, l.Name+"="+l.RateText())
	}
	cfg, err := Load(env(map[string]string{"LIMITS": strings.Join(shown, ",")}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range auth.DefaultLimits() {
		if got := cfg.Limits.Named(want.Name); got.RateText() != want.RateText() || got.Burst != want.Burst {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

func TestLoad_Limits_refused(t *testing.T) {
	const rate = "its rate must be a number followed by /s, /min, /h or /d, from 1/d to 100000/s"
	const burst = "its burst must be a whole number from 1 to 10000"
	for value, want := range map[string]string{
		"login_adrs=5/s":          `LIMITS: "login_adrs": there is no such limit; there are address, document, refresh,`,
		"REFRESH=5/s":             `LIMITS: "REFRESH": there is no such limit`,
		"=5/s":                    "LIMITS: there is no such limit",
		"refresh":                 `LIMITS: "refresh": must be the name of a limit, =, and a rate`,
		"refresh:5/s":             `LIMITS: "refresh:5/s": must be the name`,
		"refresh=5/s,refresh=5/s": `LIMITS: "refresh": is given twice`,
		"refresh=5":               `LIMITS: "refresh": ` + rate,
		"refresh=":                `LIMITS: "refresh": ` + rate,
		"refresh=:5":              `LIMITS: "refresh": ` + rate,
		"refresh=/s":              `LIMITS: "refresh": ` + rate,
		"refresh=0/s":             `LIMITS: "refresh": ` + rate,
		"refresh=-1/s":            `LIMITS: "refresh": ` + rate,
		"refresh=0.9/d":           `LIMITS: "refresh": ` + rate,
		"refresh=100001/s":        `LIMITS: "refresh": ` + rate,
		"refresh=1e3/s":           `LIMITS: "refresh": ` + rate,
		"refresh=0x10/s":          `LIMITS: "refresh": ` + rate,
		"refresh=NaN/s":           `LIMITS: "refresh": ` + rate,
		"refresh=Inf/s":           `LIMITS: "refresh": ` + rate,
		"refresh=1.2.3/s":         `LIMITS: "refresh": ` + rate,
		"refresh=5/m":             `LIMITS: "refresh": ` + rate,
		"refresh=5/s/s":           `LIMITS: "refresh": ` + rate,
		"refresh=" + strings.Repeat("9", 400) + "/s": `LIMITS: "refresh": ` + rate,
		"refresh=5/s:":            `LIMITS: "refresh": ` + burst,
		"refresh=5/s:0":           `LIMITS: "refresh": ` + burst,
		"refresh=5/s:-5":          `LIMITS: "refresh": ` + burst,
		"refresh=5/s:10001":       `LIMITS: "refresh": ` + burst,
		"refresh=5/s:1.5":         `LIMITS: "refresh": ` + burst,
		"refresh=5/s:5:5":         `LIMITS: "refresh": ` + burst,
		"refresh=5/s address=5/s": `LIMITS: "refresh": ` + rate,
	} {
		_, err := Load(env(map[string]string{"LIMITS": value}))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", value, err, want)
		}
	}
	_, err := Load(env(map[string]string{"LIMITS": "nothing=1/s,refresh=x,address=1/s:x"}))
	if err == nil || len(slices.Collect(strings.Lines(err.Error()))) != 3 {
		t.Errorf("three problems are not reported together: %v", err)
	}
}
