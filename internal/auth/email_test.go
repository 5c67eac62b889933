package auth

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

func TestEmailAddress(t *testing.T) {
	for name, tt := range map[string]struct{ raw, email, key string }{
		"plain":           {"Ada@Example.com", "Ada@Example.com", "ada@example.com"},
		"trimmed":         {"  ada@example.com\n", "ada@example.com", "ada@example.com"},
		"folded":          {"STRASSE@example.com", "STRASSE@example.com", "strasse@example.com"},
		"folded, sharp s": {"straße@example.com", "straße@example.com", "strasse@example.com"},
		"no at":           {"ada", "", ""},
		"display name":    {"Ada <ada@example.com>", "", ""},
		"newline inside":  {"ada@exam\nple.com", "", ""},
		"two":             {"a@example.com, b@example.com", "", ""},
		"too long":        {strings.Repeat("a", 250) + "@example.com", "", ""},
		"empty":           {"", "", ""},
		"zero width":      {"a\u200bda@example.com", "", ""},
		"right to left":   {"ada\u202e@example.com", "", ""},
		"fullwidth at":    {"a＠b@example.com", "", ""},
		"greek semicolon": {"ada@ex\u037eample.com", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			email, key, err := emailAddress(tt.raw)
			if email != tt.email || key != tt.key || (err == nil) != (tt.email != "") {
				t.Errorf("got %q, %q, %v", email, key, err)
			}
		})
	}
}

// TestPersonName: a name may be of any script, but must not hide or reverse the text
// beside it. In addresses no character is invisible.
// TestEmailAddress_everyCharacter tries all code points: what an address accepts
// has ink, and an account has one key for all cases of its letters.
func TestEmailAddress_everyCharacter(t *testing.T) {
	upper, lower, title := cases.Upper(language.Und), cases.Lower(language.Und), cases.Title(language.Und)
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if unicode.Is(unicode.Cs, r) {
			continue // not a character in UTF-8
		}
		s := string(r)
		if noInk(r) {
			for _, address := range []string{"a" + s + "b@example.com", "ab@ex" + s + "ample.com"} {
				if _, _, err := emailAddress(address); err == nil {
					t.Errorf("%q is accepted with %U", address, r)
				}
			}
			continue
		}
		if _, key, err := emailAddress("a" + s + "b@example.com"); err == nil && strings.ContainsFunc(key, noInk) {
			t.Errorf("the key of %U contains a character without ink", r)
		}
		key := foldEmail(s)
		if again := foldEmail(key); again != key {
			t.Errorf("%U: the key of %q is %q", r, key, again)
		}
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			if got := foldEmail(string(other)); got != key {
				t.Errorf("%U has the key %q, another case of it, %U, has %q", r, key, other, got)
			}
		}
		if r == 'ı' {
			continue // its capital is that of i, but it is a letter of its own
		}
		for _, form := range []string{upper.String(s), lower.String(s), title.String(s), norm.NFD.String(s), norm.NFKD.String(s)} {
			if got := foldEmail(form); got != key {
				t.Errorf("%U has the key %q, %q has %q", r, key, form, got)
			}
		}
	}
}

// TestEmailAddress_mailbox checks that all spellings of a mailbox have one key.
func TestEmailAddress_mailbox(t *testing.T) {
	for key, spellings := range map[string][]string{
		"eva@xn--mnchen-3ya.de": {"eva@münchen.de", "Eva@MÜNCHEN.DE", "eva@xn--mnchen-3ya.de", "eva@XN--MNCHEN-3YA.de", "eva@münchen。de", "eva@münchen．de", "eva@münchen｡de", "eva@mu\u0308nchen.de", "eva@ｍünchen.de"},
		"eva@xn--strae-oqa.de":  {"eva@straße.de", "eva@STRAẞE.de", "eva@xn--strae-oqa.de"},
		"eva@strasse.de":        {"eva@strasse.de", "eva@STRASSE.de", "eva@ｓtrasse.de"},
		"eva@example.com":       {"eva@example.com", "eva@EXAMPLE.COM", "eva@example。com", "eva@ｅxample.com"},
		"eva@my_host.internal":  {"eva@my_host.internal", "eva@MY_HOST.internal"},
	} {
		for _, spelling := range spellings {
			if email, got, err := emailAddress(spelling); err != nil || got != key || email != spelling {
				t.Errorf("%q has the key %q, want %q (%v)", spelling, got, key, err)
			}
		}
	}
	for _, address := range []string{
		"eva@xn--a.de", "eva@xn--.de", "eva@xn--mnchen-3YA9.de\u3002", "eva@münchen.de。", "eva@。münchen.de", "eva@-münchen.de", "eva@mün_chen.de",
		"eva@" + strings.Repeat("ü", 64) + ".de", "eva@אa.de", "eva@m\u00fc\uff20nchen.de", `"eva"@münchen.de`, "eva(x)@münchen.de", "eva@münchen。。de",
	} {
		if _, key, err := emailAddress(address); err == nil {
			t.Errorf("%q is accepted with the key %q", address, key)
		}
	}
}

func TestEmailPart(t *testing.T) {
	for part, want := range map[string]string{"@MÜNCHEN.de": "@xn--mnchen-3ya.de", "Eva": "eva", "eva@": "eva@", "@Example.com": "@example.com", "É": "é", "@my_ho": "@my_ho"} {
		if got := emailPart(part); got != want {
			t.Errorf("%q: %q, want %q", part, got, want)
		}
	}
}

// noInk lists by property and number, independently of the implementation, what
// an address must not contain.
func noInk(r rune) bool {
	switch r {
	case unicode.ReplacementChar, 0x2800, 0x3164, 0xffa0, 0x115f, 0x1160, 0x34f, 0x17b4, 0x17b5, 0xfffc, 0x1d159, 0x13441, 0x13442, 0x16fe4, 0x2d7f, 0x1107f, 0x180e:
		return true
	}
	assigned := unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S)
	return !assigned || r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0000 && r <= 0xe0fff || r >= 0x180b && r <= 0x180f
}

func TestEmailAddress_invisible(t *testing.T) {
	for _, r := range []rune{0xa0, 0xad, 0x34f, 0x378, 0x115f, 0x1160, 0x1680, 0x17b4, 0x180b, 0x180e, 0x2000, 0x2065, 0x2800, 0x3000, 0x3164, 0xe000, 0xfe00, 0xfe0f, 0xffa0, 0xfff0, 0xfffc, 0xfffd, 0x1d159, 0xe0001, 0xe0020, 0xe0100, 0xe0fff, 0x10ffff} {
		for _, address := range []string{"ev" + string(r) + "a@example.com", "eva" + string(r) + "@example.com", "eva@ex" + string(r) + "ample.com"} {
			if _, _, err := emailAddress(address); err == nil || AsError(err).Field != "email" {
				t.Errorf("%U in %q: %v", r, address, err)
			}
		}
	}
	for _, address := range []string{"ева@example.com", "伊娃@example.com", "εύα@example.com", "ईवा@example.com", "é@example.com", "e+v_a@example.com", "ᎡᏩ@example.com"} {
		if _, _, err := emailAddress(address); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
}
