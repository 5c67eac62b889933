package mail

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"rekey/internal/auth"
)

// TestRender_hostile: values that strangers choose neither begin a header or a
// line, nor become HTML, nor carry an advertisement.
func TestRender_hostile(t *testing.T) {
	r := newRenderer(t, "")
	for _, kind := range auth.MailKinds() {
		m := sampleOf(kind, "en")
		m.Name = "Win at https://evil.example now"
		m.To = "a\r\nBcc: b@evil.example\u202e@example.com"
		m.Other = "<img src=x>@example.com"
		m.Client = auth.Client{Address: "<b>\n1</b>", UserAgent: "Visit evil.example Firefox/1 <script>"}
		got, err := r.render("1", date(), m)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(got.Subject, "\r\n") || strings.Contains(got.Text+got.HTML, "evil.example now") || strings.Contains(got.Text+got.HTML, "Visit") {
			t.Errorf("%s: %s\n%s", kind, got.Subject, got.Text)
		}
		if strings.Contains(got.Text, "\r") || strings.Contains(got.Text, "\nBcc") || strings.Contains(got.Text, "\u202e") {
			t.Errorf("%s: the text has a line or a direction of the address: %q", kind, got.Text)
		}
		for _, tag := range []string{"<img", "<b>", "<script"} {
			if strings.Contains(got.HTML, tag) {
				t.Errorf("%s: the HTML contains %s", kind, tag)
			}
		}
	}
}

// TestRender_incomplete: a mail without what its kind needs is not sent.
func TestRender_incomplete(t *testing.T) {
	r := newRenderer(t, "")
	tests := map[string]func(m *auth.Mail){
		"unknown kind":  func(m *auth.Mail) { m.Kind = "spam" },
		"no address":    func(m *auth.Mail) { m.To = "" },
		"no link":       func(m *auth.Mail) { m.Link = "" },
		"no code":       func(m *auth.Mail) { m.Code = "" },
		"no expiry":     func(m *auth.Mail) { m.ExpiresAt = time.Time{} },
		"another link":  func(m *auth.Mail) { m.Link = "javascript:alert(1)" },
		"a broken link": func(m *auth.Mail) { m.Link = "https://a.example/\r\nBcc: x" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			m := sampleOf(auth.MailLogin, "en")
			change(&m)
			_, err := r.render("1", date(), m)
			if err == nil {
				t.Fatal("it was rendered")
			}
			if m.To != "" && strings.Contains(err.Error(), m.To) || m.Code != "" && strings.Contains(err.Error(), m.Code) {
				t.Errorf("the error contains the address or the code: %v", err)
			}
		})
	}
}

func TestGreetable(t *testing.T) {
	for name, want := range map[string]string{
		"Ada Lovelace": "Ada Lovelace", "Kovács Ödön": "Kovács Ödön", "O'Brien-Smith": "O'Brien-Smith", "Dr. Nagy J.": "Dr. Nagy J.", "अनिल": "अनिल", " Ada ": "Ada",
		"evil.example": "", "http://evil": "", "Ada @evil": "", "Call 555": "", "a/b": "", "You have won a large prize today": "", strings.Repeat("a", 61): "", "": "",
	} {
		if got := greetable(name); got != want {
			t.Errorf("greetable(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestDevice(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0":                                                                  "Firefox, Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "Safari, iPhone",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36 Edg/141.0":                   "Edge, Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36":                       "Chrome, macOS",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Mobile Safari/537.36":                                "Chrome, Android",
		"curl/8.0": "", "": "", "Visit evil.example": "", "my app for Android": "Android",
	} {
		if got := device(agent); got != want {
			t.Errorf("device(%q) = %q, want %q", agent, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for locale, want := range map[string][4]string{
		"en":    {"30 November 2026, 22:24 UTC", "30 minutes", "24 hours", "7 days"},
		"hu-HU": {"2026. november 30. 22:24 UTC", "30 percig", "24 óráig", "7 napig"},
		"de":    {"2026-11-30 22:24 UTC", "30 min", "24 h", "7 d"},
	} {
		w := wordsOf(language.MustParse(locale))
		got := [4]string{w.moment(date()), w.lifetime(30 * time.Minute), w.lifetime(24 * time.Hour), w.lifetime(7 * 24 * time.Hour)}
		if got != want {
			t.Errorf("%s: %q, want %q", locale, got, want)
		}
	}
}
