package mail

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/egress"
)

// delivered holds what arrived.
type delivered struct {
	from, to, subject, text, html string
	header                        mail.Header // nil for a webhook
}

const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// senders returns each way to send, and a function that returns what arrived.
func senders(t *testing.T) map[string]func(t *testing.T) (sender, func(t *testing.T) []delivered) {
	return map[string]func(t *testing.T) (sender, func(t *testing.T) []delivered){
		"SMTP": func(t *testing.T) (sender, func(t *testing.T) []delivered) {
			b := &mailbox{}
			return startSMTP(t, b, implicit, nil), func(t *testing.T) (all []delivered) {
				for _, content := range b.contents() {
					all = append(all, parseMIME(t, content))
				}
				return all
			}
		},
		"directory": func(t *testing.T) (sender, func(t *testing.T) []delivered) {
			dir := filepath.Join(t.TempDir(), "mail")
			return &directorySender{directory: dir, log: slog.New(slog.DiscardHandler)}, func(t *testing.T) (all []delivered) {
				files, _ := filepath.Glob(filepath.Join(dir, "*"))
				for _, file := range files {
					content, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, parseMIME(t, string(content)))
				}
				return all
			}
		},
		"webhook": func(t *testing.T) (sender, func(t *testing.T) []delivered) {
			var all []delivered
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var p payload
				if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
					t.Error(err)
					return
				}
				all = append(all, delivered{from: p.Data.From, to: p.Data.To, subject: p.Data.Subject, text: p.Data.Text, html: *p.Data.HTML})
			}))
			t.Cleanup(server.Close)
			s, err := newWebhook(server.URL, secret, egress.NewClient(egress.Options{Allow: loopback()}), date)
			if err != nil {
				t.Fatal(err)
			}
			return s, func(*testing.T) []delivered { return all }
		},
	}
}

// parseMIME parses a mail with two parts, as a client does.
func parseMIME(t *testing.T, content string) delivered {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(content))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, content)
	}
	decode := func(name string) string {
		s, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(name))
		if err != nil {
			t.Error(err)
		}
		return s
	}
	address := func(name string) string {
		a, err := m.Header.AddressList(name)
		if err != nil || len(a) != 1 {
			t.Fatalf("%s: %v, %v", name, a, err)
		}
		return a[0].Address
	}
	d := delivered{from: address("From"), to: address("To"), subject: decode("Subject"), header: m.Header}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type %s, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for _, part := range []struct {
		kind string
		to   *string
	}{{"text/plain", &d.text}, {"text/html", &d.html}} { // clients show the last one that they can
		p, err := parts.NextPart()
		if err != nil || !strings.HasPrefix(p.Header.Get("Content-Type"), part.kind) {
			t.Fatalf("want %s: %v", part.kind, err)
		}
		text, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		*part.to = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	return d
}

// TestSenders is the contract of all senders.
func TestSenders(t *testing.T) {
	for name, open := range senders(t) {
		t.Run(name, func(t *testing.T) {
			t.Run("everything arrives", func(t *testing.T) {
				s, received := open(t)
				for _, kind := range auth.MailKinds() {
					for _, locale := range []string{"en", "hu"} {
						m, err := newRenderer(t, "").render(string(kind)+locale, date(), sampleOf(kind, locale))
						if err != nil {
							t.Fatal(err)
						}
						if err := s.Send(t.Context(), m); err != nil {
							t.Fatal(err)
						}
						checkDelivered(t, received(t), m)
					}
				}
			})
			t.Run("headers cannot be injected", func(t *testing.T) {
				s, received := open(t)
				m := message(t, "ada@example.com")
				m.Subject = "a\r\nBcc: b@evil.example\r\n\r\nbody"
				m.FromName = "\"x\r\nBcc: b@evil.example"
				m.ID = "1\r\nBcc: b@evil.example"
				m.Language = "en"
				if err := s.Send(t.Context(), m); err != nil {
					return
				}
				for _, d := range received(t) {
					if d.header.Get("Bcc") != "" || d.text != m.Text {
						t.Errorf("header %v", d.header)
					}
				}
			})
			t.Run("hostile addresses", func(t *testing.T) {
				for _, to := range []string{
					"", "ada", "@example.com", "ada@", "a@b@example.com", "ada@example.com>\r\nRCPT TO:<b@evil.example", "ada@example.com\nBcc: b@evil.example",
					"<ada@example.com>", "ada@example.com, b@evil.example", "ada@example.com b@evil.example", "ada@exa mple.com", "ada@-example-.com", "ada\x00@example.com",
				} {
					s, received := open(t)
					m := message(t, "ada@example.com")
					m.To = to
					checkError(t, s.Send(t.Context(), m), true)
					if n := len(received(t)); n != 0 {
						t.Errorf("%q: %d mails arrived", to, n)
					}
				}
			})
		})
	}
}

func checkDelivered(t *testing.T, all []delivered, m Message) {
	t.Helper()
	var d delivered
	for _, d = range all {
		if d.text == m.Text {
			break
		}
	}
	if d.text != m.Text || d.html != m.HTML || d.subject != m.Subject || d.from != m.From || d.to != m.To {
		t.Fatalf("%s arrived as %+v", m.Kind, d)
	}
	if d.header == nil {
		return
	}
	want := map[string]string{"Auto-Submitted": "auto-generated", "Content-Language": m.Language, "Message-Id": "<" + m.ID + "@example.com>", "Date": "Mon, 30 Nov 2026 22:24:00 +0000", "Mime-Version": "1.0", "X-Mailer": "", "User-Agent": ""}
	for name, value := range want {
		if got := d.header.Get(name); got != value {
			t.Errorf("%s: %s = %q, want %q", m.Kind, name, got, value)
		}
	}
}

// TestWebhook checks the request against the formula of Standard Webhooks.
func TestWebhook(t *testing.T) {
	var header http.Header
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		header, body = r.Header, string(content)
	}))
	defer server.Close()
	s, err := newWebhook(server.URL+"/hook?token=hunter2", secret, egress.NewClient(egress.Options{Allow: loopback()}), date)
	if err != nil {
		t.Fatal(err)
	}
	m := message(t, "ada@example.com")
	m.HTML, m.Text = "", "x"
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Webhook-Id": "0193-id", "Webhook-Timestamp": "1796077440", "Content-Type": "application/json",
		"Webhook-Signature": s.sign("0193-id", "1796077440", []byte(body)),
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	want := `{"type":"mail.send","timestamp":"2026-11-30T22:24:00Z","data":{"id":"0193-id","kind":"login","from":"no-reply@example.com","fromName":"Example","to":"ada@example.com",` +
		`"language":"hu","subject":"Example: bejelentkezés","text":"x","html":null,"expiresAt":"2026-11-30T22:34:00Z"}}`
	if body != want {
		t.Errorf("body = %s\nwant   %s", body, want)
	}
	// The example of https://github.com/standard-webhooks/standard-webhooks.
	example, err := newWebhook("https://a.example", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", nil, date)
	if err != nil {
		t.Fatal(err)
	}
	if got := example.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("sign = %s", got)
	}
}

// TestWebhook_failures: no redirect is followed, no answer is read without end,
// and no error has the URL, which may contain a key.
func TestWebhook_failures(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	tests := map[string]struct {
		handler   http.HandlerFunc
		permanent bool
	}{
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, false},
		"400":         {status(400), true},
		"401":         {status(401), false},
		"404":         {status(404), false},
		"410":         {status(410), false},
		"413":         {status(413), true},
		"422":         {status(422), true},
		"429":         {status(429), false},
		"500":         {status(500), false},
		"cut":         {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
		"huge header": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("a", 1<<20)) }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			s, err := newWebhook(server.URL+"/hunter2", secret, egress.NewClient(egress.Options{Allow: loopback()}), date)
			if err != nil {
				t.Fatal(err)
			}
			checkError(t, s.Send(t.Context(), message(t, "ada@example.com")), tt.permanent)
			if reached {
				t.Error("the redirect was followed")
			}
		})
	}
	t.Run("endless answer", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}))
		defer server.Close()
		s, err := newWebhook(server.URL, secret, egress.NewClient(egress.Options{Allow: loopback()}), date)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Send(ctx, message(t, "ada@example.com")); err != nil {
			t.Error(err)
		}
	})
	t.Run("private address", func(t *testing.T) {
		s, err := newWebhook(elsewhere.URL, secret, egress.NewClient(egress.Options{}), date)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Send(t.Context(), message(t, "ada@example.com"))
		checkError(t, err, false)
		if reached || !strings.Contains(err.Error(), "127.0.0.1 is not a public address: list its network in EGRESS_ALLOW") {
			t.Error(err)
		}
	})
	for _, bad := range []string{"", "hunter2", "whsec_", "whsec_aHVudGVyMg==", "whsec_*"} {
		if _, err := newWebhook("https://a.example", bad, nil, date); err == nil || bad != "" && strings.Contains(err.Error(), bad) && bad != "whsec_" {
			t.Errorf("newWebhook(%q) = %v", bad, err)
		}
	}
}

// TestDirectory: files are private, complete and bounded in number.
func TestDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "mail")
	s := &directorySender{directory: dir, log: slog.New(slog.DiscardHandler)}
	m := message(t, "ada@example.com")
	for i := range maxFiles + 5 {
		m.Date = date().Add(time.Duration(i) * time.Minute)
		if err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != maxFiles {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	if first := entries[0].Name(); first != "20261130T222900.000000Z-login-0193-id.eml" {
		t.Errorf("the oldest file is %s", first)
	}
	for _, path := range []string{dir, filepath.Join(dir, entries[0].Name())} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}
