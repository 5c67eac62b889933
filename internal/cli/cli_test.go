package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/cli"
)

// commandLine runs a command that must not get as far as to open anything.
func commandLine(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = cli.Run(t.Context(), args, cli.Program{
		Begin:  func(cli.Common) error { return nil },
		Serve:  func(context.Context) error { return nil },
		Schema: "type Query", Licenses: func() (string, error) { return "MIT\n", nil },
		PreviewMail: func(kind, locale string) (cli.MailPreview, error) {
			return cli.MailPreview{Language: locale, Subject: "log in (" + locale + ")", Text: kind + "\n", HTML: "<p>" + kind + "</p>"}, nil
		},
		In: strings.NewReader(""), Out: &o, Err: &e,
	})
	return o.String(), e.String(), code
}

// TestSchema: the schema is printed as it is, for a redirection to a file.
func TestSchema(t *testing.T) {
	if out, _, code := commandLine(t, "schema"); out != "type Query" || code != cli.ExitOK {
		t.Errorf("exit code %d: %q", code, out)
	}
	if out, _, _ := commandLine(t, "schema", "--json"); out != `{"schema":"type Query"}`+"\n" {
		t.Errorf("%q", out)
	}
}

func TestLicenses(t *testing.T) {
	if out, _, code := commandLine(t, "licenses"); out != "MIT\n" || code != cli.ExitOK {
		t.Errorf("exit code %d: %q", code, out)
	}
	if out, _, _ := commandLine(t, "licenses", "--json"); out != `{"licenses":"MIT\n"}`+"\n" {
		t.Errorf("%q", out)
	}
}

// TestMailPreview: a mail is written as text, as HTML or as JSON, and a mistyped
// kind gets a hint.
func TestMailPreview(t *testing.T) {
	for args, want := range map[string]string{
		"login":                    "Subject: log in (en)\n\nlogin\n",
		"--locale hu login":        "Subject: log in (hu)\n\nlogin\n",
		"login --locale hu --text": "Subject: log in (hu)\n\nlogin\n",
		"login --html":             "<p>login</p>",
		"login --json":             `{"language":"en","subject":"log in (en)","text":"login\n","html":"\u003cp\u003elogin\u003c/p\u003e"}` + "\n",
	} {
		if out, errs, code := commandLine(t, append([]string{"mail", "preview"}, strings.Fields(args)...)...); out != want || code != cli.ExitOK {
			t.Errorf("%s: %q, %q, exit code %d, want %q", args, out, errs, code, want)
		}
	}
	for args, want := range map[string]string{"logn": "did you mean login?", "login --html --text": "not both", "": "takes one argument"} {
		if _, errs, code := commandLine(t, append([]string{"mail", "preview"}, strings.Fields(args)...)...); !strings.Contains(errs, want) || code != cli.ExitUsage {
			t.Errorf("%s: %q, exit code %d", args, errs, code)
		}
	}
}

// TestExits: --help and the page say what the code says.
func TestExits(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	help, _, code := commandLine(t, "--help")
	if code != cli.ExitOK {
		t.Errorf("--help: exit code %d", code)
	}
	for i, exit := range cli.Exits() {
		if exit.Code != i {
			t.Errorf("exit code %d is at position %d", exit.Code, i)
		}
		if row := fmt.Sprintf("| %d | %s |", exit.Code, exit.Meaning); !strings.Contains(string(page), row) {
			t.Errorf("docs/reference/commands.md has no row %q", row)
		}
		if line := fmt.Sprintf("%d  %s", exit.Code, strings.ReplaceAll(exit.Meaning, "`", "")); !strings.Contains(help, line) {
			t.Errorf("--help does not say %q", line)
		}
	}
}

// TestRun_configuration: what ends for the configuration's sake does not say
// that trying again helps, and what is only away does.
func TestRun_configuration(t *testing.T) {
	away := auth.Unavailable(errors.New("no such role"))
	for _, tt := range []struct {
		err  error
		want string
	}{
		{cli.Fail(cli.ExitConfiguration, away), "rekey: no such role\n"},
		{cli.Fail(cli.ExitConfiguration, fmt.Errorf("opening: %w", errors.Join(away))), "rekey: no such role\n"},
		{away, "rekey: temporarily unavailable, try again: no such role\n"},
	} {
		var errs strings.Builder
		cli.Run(t.Context(), nil, cli.Program{
			Begin: func(cli.Common) error { return nil }, Serve: func(context.Context) error { return tt.err }, Out: io.Discard, Err: &errs,
		})
		if errs.String() != tt.want {
			t.Errorf("%v is reported as %q", tt.err, errs.String())
		}
	}
}

// TestHelp: every command has help, with an example, and the page names it.
func TestHelp(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(path []string)
	walk = func(path []string) {
		seen++
		name := strings.TrimSpace("rekey " + strings.Join(path, " "))
		help, errs, code := commandLine(t, append(path, "--help")...)
		if code != cli.ExitOK || errs != "" || !strings.Contains(help, "Example") || !strings.Contains(help, "  "+name) {
			t.Errorf("%s --help: exit code %d, %s%s", name, code, errs, help)
		}
		_, list, any := strings.Cut(help, "\nCOMMANDS:\n")
		if !any && !strings.Contains(string(page), "`"+strings.Join(path, " ")) {
			t.Errorf("docs/reference/commands.md does not describe %s", name)
		}
		for line := range strings.Lines(list) {
			fields := strings.Fields(line)
			if len(fields) == 0 {
				break
			}
			if fields[0] != "help," {
				walk(append(path[:len(path):len(path)], fields[0]))
			}
		}
	}
	walk(nil)
	if seen < 20 {
		t.Errorf("only %d commands were found", seen)
	}
}
