package mail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

func date() time.Time { return time.Date(2026, 11, 30, 22, 24, 0, 0, time.UTC) }

// sampleOf returns a mail with everything that its kind can have.
func sampleOf(kind auth.MailKind, locale string) auth.Mail {
	return Sample(kind, locale, "https://login.example.com", date())
}

// minimal returns a mail with only what its kind must have.
func minimal(kind auth.MailKind) auth.Mail {
	m := sampleOf(kind, "en")
	return auth.Mail{Kind: kind, To: m.To, Link: m.Link, Code: m.Code, ExpiresAt: m.ExpiresAt}
}

func newRenderer(t *testing.T, directory string) *renderer {
	t.Helper()
	all, err := loadTemplates(directory)
	if err != nil {
		t.Fatal(err)
	}
	return &renderer{templates: all, fromName: "Example", from: "no-reply@example.com", service: "Example", url: "https://login.example.com", zone: time.UTC}
}

// TestTemplates renders every kind in every language, with all values and with
// the fewest.
func TestTemplates(t *testing.T) {
	r := newRenderer(t, "")
	seen := map[string]bool{}
	for _, locale := range []string{"en", "hu"} {
		for _, kind := range auth.MailKinds() {
			t.Run(locale+"/"+string(kind), func(t *testing.T) {
				if _, ok := r.templates.pairs[locale][kind]; !ok {
					t.Fatal("there is no template")
				}
				for name, m := range map[string]auth.Mail{"full": sampleOf(kind, locale), "minimal": minimal(kind)} {
					m.Locale = locale
					got, err := r.render("1", date(), m)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					checkReadable(t, name, m, got)
					if name == "full" {
						if seen[got.Text] {
							t.Error("another language or kind has the same text")
						}
						seen[got.Text] = true
					}
				}
			})
		}
	}
}

func checkReadable(t *testing.T, name string, m auth.Mail, got Message) {
	t.Helper()
	if !strings.Contains(got.Subject, "Example") {
		t.Errorf("%s: the subject %q does not name the service", name, got.Subject)
	}
	for part, content := range map[string]string{"text": got.Text, "HTML": got.HTML} {
		if strings.Contains(content, "{{") || strings.Contains(content, "}}") {
			t.Errorf("%s: the %s has braces:\n%s", name, part, content)
		}
		if m.Link != "" && strings.Count(content, m.Link) != 1 || !strings.Contains(content, m.Code) {
			t.Errorf("%s: the %s lacks the link or the code, or has one of them twice:\n%s", name, part, content)
		}
		if strings.Contains(content, "src=") || strings.Contains(content, "url(") || strings.Contains(content, "@import") {
			t.Errorf("%s: the %s loads something", name, part)
		}
	}
	for line := range strings.Lines(got.Text) {
		if len([]rune(line)) > 100 && !strings.Contains(line, "https://") {
			t.Errorf("%s: a line of the text is too long to read: %q", name, line)
		}
	}
	if strings.Contains(got.Text, "\n\n\n") || strings.Contains(got.Text, "<") || strings.HasPrefix(got.Text, "\n") {
		t.Errorf("%s: the text has gaps or tags:\n%s", name, got.Text)
	}
}

func TestTemplates_find(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "pt-BR/password_changed.txt", "Subject: senha\nA")
	put(t, dir, "de/password_changed.txt", "Subject: Passwort\nB")
	put(t, dir, "de/layout.html", "<b>{{content}}</b>")
	all := newRenderer(t, dir).templates
	for locale, want := range map[string]string{
		"hu": "hu", "hu-HU": "hu", "HU_hu": "hu", "en-GB": "en", "": "en", "xx": "en", "not a language": "en", "de-AT": "de", "de-Latn-AT-1996": "de",
		"pt-BR": "pt-BR", "pt-br": "pt-BR", "pt-PT": "en", "pt": "en", "../../etc": "en", "zh-Hant-TW": "en", strings.Repeat("a-", 5000): "en",
	} {
		if got := all.find(auth.MailPasswordChanged, locale).tag.String(); got != want {
			t.Errorf("find(%.20q) = %s, want %s", locale, got, want)
		}
	}
	if got := all.find(auth.MailLogin, "de-DE").tag.String(); got != "en" {
		t.Errorf("a kind without a template in German is in %s", got)
	}
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTemplates_invalid: a template that would spoil a mail stops the start,
// with the name of its file.
func TestTemplates_invalid(t *testing.T) {
	const head = "Subject: x\n\n"
	tests := map[string]struct{ file, content, want string }{
		"no subject":               {"en/login.txt", "Hello {{link}} {{code}}", "the first line must be the subject"},
		"an empty subject":         {"en/login.txt", "Subject: \n{{link}} {{code}}", "the first line must be the subject"},
		"a code in the subject":    {"en/login.txt", "Subject: {{code}}\n{{link}} {{code}}", "no placeholder {{code}}"},
		"a link in the subject":    {"en/login.txt", "Subject: {{link}}\n{{link}} {{code}}", "no placeholder {{link}}"},
		"an unknown placeholder":   {"en/login.txt", head + "{{link}} {{code}}\n{{nam}}", "line 4: there is no placeholder {{nam}}"},
		"no link":                  {"en/login.txt", head + "{{code}}", "must contain {{link}}"},
		"no code":                  {"en/login.txt", head + "{{link}}", "must contain {{code}}"},
		"a link that may vanish":   {"en/login.txt", head + "{{code}}{{#name}}{{link}}{{/name}}", "must contain {{link}}, whichever"},
		"a link that is a section": {"en/login.txt", head + "{{code}}{{#link}}here{{/link}}", "must contain {{link}}"},
		"a link of another kind":   {"en/password_changed.txt", head + "{{link}}", "no placeholder {{link}}"},
		"nothing":                  {"en/password_changed.txt", head, "contains nothing"},
		"does not parse":           {"hu/login.txt", head + "{{#name}}{{link}}{{code}}", "has no {{/name}}"},
		"an unknown kind":          {"en/logn.txt", head, "there is no such template; there are verify_email"},
		"an unknown extension":     {"en/login.md", head, "there is no such template"},
		"HTML without a text":      {"de/login.html", "{{link}}{{code}}", "needs login.txt beside it"},
		"a folder of no language":  {"deutsch!/login.txt", head, "must be named after a language"},
		"a file in no folder":      {"login.txt", head, "templates are in a folder for their language"},
		"a layout without content": {"layout.html", "<p>{{subject}}</p>", "must contain {{content}}"},
		"a layout with a script":   {"de/layout.html", "<script></script>{{content}}", "contain no script"},
		"a large file":             {"en/login.txt", head + strings.Repeat("{{link}}{{code}}", 20_000), "is larger than 256 kB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, tt.file, tt.content)
			_, err := loadTemplates(dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), filepath.ToSlash(filepath.Join(dir, tt.file[:strings.LastIndexAny("/"+tt.file, "/")]))) {
				t.Errorf("loadTemplates = %v, want the file and %q", err, tt.want)
			}
		})
	}
	t.Run("HTML", func(t *testing.T) {
		dir := t.TempDir()
		put(t, dir, "en/login.txt", head+"{{link}} {{code}}")
		put(t, dir, "en/login.html", "<a href=\"{{name}}\">{{link}} {{code}}</a>")
		_, err := loadTemplates(dir)
		if err == nil || !strings.Contains(err.Error(), "en/login.html: line 1: {{name}} may be in the text only") {
			t.Errorf("loadTemplates = %v", err)
		}
	})
	t.Run("several", func(t *testing.T) {
		dir := t.TempDir()
		put(t, dir, "en/login.txt", "x")
		put(t, dir, "hu/login.txt", "x")
		_, err := loadTemplates(dir)
		if err == nil || !strings.Contains(err.Error(), "en/login.txt") || !strings.Contains(err.Error(), "hu/login.txt") {
			t.Errorf("loadTemplates = %v, want both files", err)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		if _, err := loadTemplates(filepath.Join(t.TempDir(), "missing")); err == nil {
			t.Error("it was accepted")
		}
	})
}

// TestTemplates_override: a text without HTML beside it has no HTML part, so that
// the two parts cannot differ. Names of mounted directories are ignored.
func TestTemplates_override(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "data/en/login.txt", "Subject: Welcome back\r\n\r\nGo to {{link}} or enter {{code}}.\r\n")
	put(t, dir, "data/en/reset_password.txt", "Subject: Reset\n\n{{link}}")
	put(t, dir, "data/en/reset_password.html", "<p>{{link}} & {{email}}</p>")
	put(t, dir, "data/..2026/en/login.txt", "invalid")
	put(t, dir, "data/layout.html", "<i>{{content}}</i>")
	if err := os.Symlink(filepath.Join(dir, "data/en"), filepath.Join(dir, "data/de")); err != nil {
		t.Fatal(err)
	}
	r := newRenderer(t, filepath.Join(dir, "data"))
	login, err := r.render("1", date(), sampleOf(auth.MailLogin, "de"))
	if err != nil {
		t.Fatal(err)
	}
	if login.Subject != "Welcome back" || login.HTML != "" || !strings.HasPrefix(login.Text, "Go to https://") || strings.Contains(login.Text, "\r") {
		t.Errorf("login = %+v", login)
	}
	reset := sampleOf(auth.MailResetPassword, "en")
	reset.To = `"<b>"@example.com`
	got, err := r.render("1", date(), reset)
	if err != nil {
		t.Fatal(err)
	}
	if want := "<i><p>" + reset.Link + " & &#34;&lt;b&gt;&#34;@example.com</p></i>"; got.HTML != want {
		t.Errorf("HTML = %s, want %s", got.HTML, want)
	}
}
