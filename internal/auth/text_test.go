package auth

import (
	"strings"
	"testing"
	"unicode"
)

func TestPersonName(t *testing.T) {
	for name, ok := range map[string]bool{
		"Ada Lovelace": true, "محمد": true, "רות": true, "山田 太郎": true, "🔑": true, strings.Repeat("é", 200): true,
		"علی\u200cرضا":           true, // Persian: a non-joiner
		"ක්\u200dරිස්ටෝ":         true, // Sinhala: a joiner
		"Ada 👩\u200d💻":           true,
		"":                       false,
		"\u3164":                 false,
		"\u2800\ufe0f":           false,
		"\u034f":                 false,
		"\u115f\u1160":           false,
		"\u0301":                 false, // a mark without a letter
		"\u200d":                 false,
		"\u00a0\u1680":           false,
		"\u0378":                 false, // unassigned
		"❤\ufe0f":                true,
		"  ":                     false,
		strings.Repeat("é", 201): false,
		"A\xffda":                false,
		"Ada\u0085Lovelace":      false,
	} {
		if got, err := personName(" " + name + "\n"); (err == nil) != ok || ok && got != name {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, r := range []rune{
		'\n', '\t', 0, 0x7f, 0x61c, 0x200b, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e,
		0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff,
	} {
		if _, err := personName("A" + string(r) + "da"); err == nil || AsError(err).Field != "name" {
			t.Errorf("%U in a name: %v", r, err)
		}
		if _, _, err := emailAddress("a" + string(r) + "da@example.com"); err == nil {
			t.Errorf("%U in an e-mail address", r)
		}
		if _, _, err := emailAddress("ada@ex" + string(r) + "ample.com"); err == nil {
			t.Errorf("%U in the domain of an e-mail address", r)
		}
		if _, _, err := emailAddress(`"a` + string(r) + `da"@example.com`); err == nil {
			t.Errorf("%U in a quoted e-mail address", r)
		}
	}
}

// TestPersonName_everyCharacter tries all code points as a name of their own.
func TestPersonName_everyCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.Is(unicode.Cs, r) {
			continue // not a character in UTF-8
		}
		if _, err := personName(string(r)); err == nil && (noInk(r) || unicode.Is(unicode.M, r)) {
			t.Errorf("a name of %U is accepted", r)
		}
	}
}
