package config

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"text/template"

	"rekey/internal/auth"
)

const referencePath = "../../docs/configuration.md"

// heading is one group of settings in the template.
type heading struct {
	Name     string
	Settings []row
}

type row struct{ Name, Default, Kind, About string }

func TestReference(t *testing.T) {
	want := reference(t)
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(referencePath, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from the tables; update it with: go test ./internal/config -update", referencePath)
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "update docs/configuration.md")
	flag.Parse()
	os.Exit(m.Run())
}

// reference renders the configuration reference from the tables.
func reference(t *testing.T) []byte {
	t.Helper()
	page, err := template.ParseFiles("testdata/configuration.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = page.Execute(&out, map[string]any{"Example": example(t), "Groups": headings(), "Limits": auth.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// example returns a real error of Load.
func example(t *testing.T) string {
	t.Helper()
	_, err := Load(env(map[string]string{
		"PORT": "http", "REUSE_WINDOW": "-5s", "DATABASE_URL": "mysql://rekey:hunter2@db/rekey",
	}))
	if err == nil {
		t.Fatal("the example is a valid configuration")
	}
	return err.Error()
}

func headings() []heading {
	var list []heading
	for _, s := range settings(new(Config)) {
		if len(list) == 0 || list[len(list)-1].Name != s.group {
			list = append(list, heading{Name: s.group})
		}
		last := &list[len(list)-1]
		last.Settings = append(last.Settings, row{s.name, s.fallback, s.kind, s.about})
	}
	return list
}

func TestSettings(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range settings(new(Config)) {
		if seen[s.name] {
			t.Errorf("%s is declared twice", s.name)
		}
		seen[s.name] = true
		if s.kind == "" || s.apply == nil || !strings.HasSuffix(s.about, ".") {
			t.Errorf("%s is not declared completely", s.name)
		}
		if strings.Contains(s.kind+s.about, "|") {
			t.Errorf("%s would break the reference's table", s.name)
		}
	}
}
