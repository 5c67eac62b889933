package mail

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"rekey/internal/auth"
)

// message returns a mail with a secret, rendered.
func message(t *testing.T, to string) Message {
	t.Helper()
	m := sampleOf(auth.MailLogin, "hu")
	m.To = to
	got, err := newRenderer(t, "").render("0193-id", date(), m)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// checkError checks the kind of an error, and that it reveals nothing.
func checkError(t *testing.T, err error, permanent bool) {
	t.Helper()
	if err == nil {
		t.Fatal("the mail was sent")
	}
	if got := errors.Is(err, auth.ErrMailRefused); got != permanent {
		t.Errorf("%v: refused for good: %v, want %v", err, got, permanent)
	}
	for _, secret := range []string{"ada@", "12345678", "EXAMPLE-ONLY", "hunter2"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error contains %s: %v", secret, err)
		}
	}
}

func smtpError(code int, enhanced gosmtp.EnhancedCode) func() error {
	return func() error {
		return &gosmtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "<ada@example.com> code 12345678 is not wanted"}
	}
}

func TestSMTP_ways(t *testing.T) {
	for _, way := range []string{plain, startTLS, implicit} {
		t.Run(way, func(t *testing.T) {
			b := &mailbox{}
			if err := startSMTP(t, b, way, nil).Send(t.Context(), message(t, "ada@example.com")); err != nil {
				t.Fatal(err)
			}
			if b.tls != (way != plain) || len(b.contents()) != 1 || b.from != "no-reply@example.com" || b.to != "ada@example.com" {
				t.Errorf("received %+v", b)
			}
		})
	}
}

// TestSMTP_refusals: 5xx for a mail is final, everything else may pass.
func TestSMTP_refusals(t *testing.T) {
	tests := map[string]struct {
		box       *mailbox
		permanent bool
		want      string
	}{
		"sender refused":        {&mailbox{onMail: smtpError(550, gosmtp.EnhancedCode{5, 7, 1})}, true, "MAIL with 550 5.7.1"},
		"sender not now":        {&mailbox{onMail: smtpError(421, gosmtp.EnhancedCode{4, 7, 0})}, false, "MAIL with 421 4.7.0"},
		"login required":        {&mailbox{onMail: smtpError(530, gosmtp.EnhancedCode{5, 7, 0})}, false, "MAIL with 530 5.7.0"},
		"recipient refused":     {&mailbox{onRcpt: smtpError(550, gosmtp.EnhancedCode{5, 1, 1})}, true, "RCPT with 550 5.1.1"},
		"recipient not now":     {&mailbox{onRcpt: smtpError(450, gosmtp.EnhancedCode{4, 2, 0})}, false, "RCPT with 450 4.2.0"},
		"content refused":       {&mailbox{onData: smtpError(554, gosmtp.EnhancedCode{5, 6, 0})}, true, "the content with 554 5.6.0"},
		"content not now":       {&mailbox{onData: smtpError(451, gosmtp.EnhancedCode{4, 3, 0})}, false, "the content with 451 4.3.0"},
		"no code in the answer": {&mailbox{onRcpt: smtpError(550, gosmtp.NoEnhancedCode)}, true, "RCPT with 550"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := startSMTP(t, tt.box, plain, nil).Send(t.Context(), message(t, "ada@example.com"))
			checkError(t, err, tt.permanent)
			if err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if len(tt.box.contents()) != 0 {
				t.Error("it was received")
			}
		})
	}
}

// TestSMTP_unsafe: without a valid certificate or STARTTLS, neither the password
// nor the mail leaves.
func TestSMTP_unsafe(t *testing.T) {
	t.Run("untrusted certificate", func(t *testing.T) {
		for _, way := range []string{startTLS, implicit} {
			b := &mailbox{}
			s := startSMTP(t, b, way, nil)
			s.roots = nil // those of the system
			checkError(t, s.Send(t.Context(), message(t, "ada@example.com")), false)
			if len(b.contents()) != 0 {
				t.Error("it was received")
			}
		}
	})
	t.Run("certificate of another host", func(t *testing.T) {
		b := &mailbox{}
		s := startSMTP(t, b, implicit, nil)
		s.host = "localhost" // the certificate has 127.0.0.1
		err := s.Send(t.Context(), message(t, "ada@example.com"))
		checkError(t, err, false)
		if !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%v, want the certificate", err)
		}
	})
	t.Run("no STARTTLS", func(t *testing.T) {
		b := &mailbox{}
		s := startSMTP(t, b, plain, nil)
		s.plain, s.user, s.password = false, "u", "hunter2"
		err := s.Send(t.Context(), message(t, "ada@example.com"))
		checkError(t, err, false)
		if !strings.Contains(err.Error(), "does not offer STARTTLS") || b.from != "" {
			t.Errorf("%v; received %+v", err, b)
		}
	})
	t.Run("a remote host requires TLS", func(t *testing.T) {
		for address, plain := range map[string]bool{
			"smtp://mail.example.com": false, "smtp://192.0.2.1:25": false, "smtp://localhost:25": true, "smtp://127.0.0.1:25": true, "smtp://[::1]:25": true,
			"smtp://localhost.example.com": false, "smtps://localhost": false,
		} {
			s, err := newSMTP(address, nil)
			if err != nil || s.plain != plain {
				t.Errorf("%s: %+v, %v", address, s, err)
			}
		}
	})
}

// TestSMTP_connection: a server that is slow, silent or gone leaves the mail for
// another attempt.
func TestSMTP_connection(t *testing.T) {
	t.Run("unreachable", func(t *testing.T) {
		s, err := newSMTP("smtp://127.0.0.1:1", nil)
		if err != nil {
			t.Fatal(err)
		}
		checkError(t, s.Send(t.Context(), message(t, "ada@example.com")), false)
	})
	t.Run("silent", func(t *testing.T) {
		address, _ := script(t, "220-wait", func(string) string { return "-" })
		s, err := newSMTP("smtp://"+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.timeout = 100 * time.Millisecond
		err = s.Send(t.Context(), message(t, "ada@example.com"))
		checkError(t, err, false)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want a timeout", err)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		address, _ := script(t, "220 ok", func(string) string { cancel(); return "-" })
		s, err := newSMTP("smtp://"+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkError(t, s.Send(ctx, message(t, "ada@example.com")), false)
	})
	t.Run("slow", func(t *testing.T) {
		b := &mailbox{onData: func() error { <-time.After(200 * time.Millisecond); return nil }}
		if err := startSMTP(t, b, plain, nil).Send(t.Context(), message(t, "ada@example.com")); err != nil || len(b.contents()) != 1 {
			t.Errorf("%v, received %d", err, len(b.contents()))
		}
	})
	for name, greeting := range map[string]string{"busy": "421 4.3.2 later", "refuses all": "554 5.7.1 no service"} {
		t.Run(name, func(t *testing.T) {
			address, _ := script(t, greeting, func(string) string { return "-" })
			s, err := newSMTP("smtp://"+address, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkError(t, s.Send(t.Context(), message(t, "ada@example.com")), false)
		})
	}
}

// dialogue answers like a server, until the end of the content.
func dialogue(extensions string, atEnd string) func(line string) string {
	return func(line string) string {
		switch verb := strings.ToUpper(strings.Fields(line + " .")[0]); {
		case verb == "EHLO" || verb == "HELO":
			return "250-mx\r\n" + extensions + "250 8BITMIME"
		case verb == "AUTH":
			return "235 2.7.0 ok"
		case verb == "MAIL" || verb == "RCPT":
			return "250 2.1.0 ok"
		case verb == "DATA":
			return "354 go"
		case line == ".":
			return atEnd
		case line == "*": // the client gives up to authenticate
			return "501 5.0.0 canceled"
		case verb == "QUIT":
			return "" // closed without an answer
		}
		return "-"
	}
}

// TestSMTP_cut: if the connection ends after the content, the mail may have been
// accepted or not, so it is tried again. After the server's answer it is sent,
// however the connection ends.
func TestSMTP_cut(t *testing.T) {
	address, _ := script(t, "220 ok", dialogue("", ""))
	s, err := newSMTP("smtp://"+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkError(t, s.Send(t.Context(), message(t, "ada@example.com")), false)

	address, _ = script(t, "220 ok", dialogue("", "250 2.0.0 accepted"))
	if s, err = newSMTP("smtp://"+address, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), message(t, "ada@example.com")); err != nil {
		t.Errorf("an accepted mail: %v", err)
	}
}

func TestSMTP_authentication(t *testing.T) {
	send := func(t *testing.T, extensions string, answer func(line string) string) (string, error) {
		t.Helper()
		address, lines := script(t, "220 ok", func(line string) string {
			if reply := answer(line); reply != "" {
				return reply
			}
			return dialogue(extensions, "250 ok")(line)
		})
		s, err := newSMTP("smtp://ada%40example.com:hun%40ter2@"+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Send(t.Context(), message(t, "ada@example.com"))
		return strings.Join(lines(), "\n"), err
	}
	nothing := func(string) string { return "" }
	encoded := base64.StdEncoding.EncodeToString([]byte("\x00ada@example.com\x00hun@ter2"))
	t.Run("PLAIN", func(t *testing.T) {
		lines, err := send(t, "250-AUTH LOGIN-NEW PLAIN LOGIN\r\n", nothing)
		if err != nil || !strings.Contains(lines, "AUTH PLAIN "+encoded) {
			t.Errorf("%v\n%s", err, lines)
		}
	})
	t.Run("LOGIN", func(t *testing.T) {
		password := base64.StdEncoding.EncodeToString([]byte("hun@ter2"))
		asked := 0
		lines, err := send(t, "250-AUTH LOGIN\r\n", func(line string) string {
			switch {
			case strings.HasPrefix(line, "AUTH LOGIN"):
				return "334 VXNlcm5hbWU6"
			case line == password:
				return "235 ok"
			case asked == 0 && line == base64.StdEncoding.EncodeToString([]byte("ada@example.com")):
				asked++
				return "334 UGFzc3dvcmQ6"
			}
			return ""
		})
		if err != nil || !strings.Contains(lines, password) {
			t.Errorf("%v\n%s", err, lines)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		_, err := send(t, "250-AUTH PLAIN\r\n", func(line string) string {
			if strings.HasPrefix(line, "AUTH") {
				return "535 5.7.8 ada@example.com: wrong password hunter2"
			}
			return ""
		})
		checkError(t, err, false)
		if !strings.Contains(err.Error(), "AUTH PLAIN with 535 5.7.8") {
			t.Error(err)
		}
	})
	t.Run("not offered", func(t *testing.T) {
		_, err := send(t, "", nothing)
		checkError(t, err, false)
	})
	t.Run("unknown method", func(t *testing.T) {
		_, err := send(t, "250-AUTH XOAUTH2\r\n", nothing)
		checkError(t, err, false)
	})
}

// TestSMTP_international: a domain is sent as in DNS, and a local part only to a
// server that supports it.
func TestSMTP_international(t *testing.T) {
	tests := map[string]struct {
		to, want  string
		utf8      bool // needed
		supported bool
	}{
		"domain":                {"ada@bücher.example", "ada@xn--bcher-kva.example", false, false},
		"domain, supported":     {"ada@bücher.example", "ada@xn--bcher-kva.example", false, true},
		"local part, supported": {"ödön@bücher.example", "ödön@xn--bcher-kva.example", true, true},
		"local part":            {"ödön@example.com", "", true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := &mailbox{}
			s := startSMTP(t, b, plain, func(s *gosmtp.Server) { s.EnableSMTPUTF8 = tt.supported })
			err := s.Send(t.Context(), message(t, tt.to))
			if tt.want == "" {
				checkError(t, err, true)
				return
			}
			if err != nil || b.to != tt.want || b.utf8 != tt.utf8 {
				t.Errorf("%v, sent to %s, SMTPUTF8 %v", err, b.to, b.utf8)
			}
		})
	}
}

func TestNewSMTP_errors(t *testing.T) {
	for _, address := range []string{"", "smtp://", "http://u:hunter2@h", "smtp://u:hun%ter2@h", "h:25"} {
		if _, err := newSMTP(address, nil); err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "hun%") {
			t.Errorf("newSMTP(%q) = %v", address, err)
		}
	}
}
