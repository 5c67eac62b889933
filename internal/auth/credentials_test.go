package auth

import (
	"errors"
	"sort"
	"strings"
	"testing"
)

func TestNormalizePassword(t *testing.T) {
	for name, tt := range map[string]struct {
		password string
		ok       bool
	}{
		"7 characters":              {"1234567", false},
		"8 characters":              {"12345678", true},
		"8 emoji":                   {strings.Repeat("🔑", 8), true},
		"256 emoji":                 {strings.Repeat("🔑", 256), true},
		"257":                       {strings.Repeat("a", 257), false},
		"4 ligatures, 8 after NFKC": {"ﬁﬁﬁﬁ", true},
		"invalid UTF-8":             {"12345678\xff", false},
		"spaces count":              {"        ", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := normalizePassword("password", tt.password)
			if (err == nil) != tt.ok {
				t.Errorf("error = %v, want ok %v", err, tt.ok)
			}
		})
	}
	composed, _ := normalizePassword("password", "cafés-and-more")
	decomposed, _ := normalizePassword("password", "cafe\u0301s-and-more")
	if composed != decomposed {
		t.Error("the two spellings of é differ")
	}
}

func TestNewPassword(t *testing.T) {
	ada := User{Name: "Ada Lovelace", EmailKey: "lovelace@example.com"}
	for password, ok := range map[string]bool{
		"correct horse":        true,
		"lower case letters":   true, // no rules of composition
		"Lovelace1815":         true,
		"12345678":             false,
		"PassWord1":            false,
		"ｐａｓｓｗｏｒｄ１":            false, // after NFKC
		"LOVELACE@example.com": false,
		"Lovelace":             false,
		"ada lovelace":         false,
		"short":                false,
	} {
		_, err := newPassword("newPassword", password, ada)
		if (err == nil) != ok {
			t.Errorf("%s: %v", password, err)
		}
		if err != nil && AsError(err).Field != "newPassword" {
			t.Errorf("%s: %+v", password, err)
		}
	}
}

func TestPasswords_Verify(t *testing.T) {
	p := NewPasswords(2, 8, nil)
	hash, err := p.Hash(t.Context(), Attempt{}, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q does not carry its parameters", hash)
	}
	t.Run("right", func(t *testing.T) {
		ok, rehash, err := p.Verify(t.Context(), Attempt{}, hash, "correct horse")
		if !ok || rehash != "" || err != nil {
			t.Errorf("got %v, %q, %v", ok, rehash, err)
		}
	})
	t.Run("wrong", func(t *testing.T) {
		if ok, _, err := p.Verify(t.Context(), Attempt{}, hash, "correct horsf"); ok || err != nil {
			t.Errorf("got %v, %v", ok, err)
		}
	})
	t.Run("no truncation", func(t *testing.T) {
		long := strings.Repeat("x", 128)
		hash, _ := p.Hash(t.Context(), Attempt{}, long+"a")
		if ok, _, _ := p.Verify(t.Context(), Attempt{}, hash, long+"b"); ok {
			t.Error("passwords that differ in the last byte verify alike")
		}
	})
	t.Run("other parameters are replaced", func(t *testing.T) {
		// argon2id of "correct horse" with m=64, t=1, p=1, made with the reference tool's format.
		old := weakHash(t, "correct horse")
		ok, rehash, err := p.Verify(t.Context(), Attempt{}, old, "correct horse")
		if !ok || err != nil || !strings.Contains(rehash, "m=19456,t=2,p=1") {
			t.Errorf("got %v, %q, %v", ok, rehash, err)
		}
	})
	t.Run("no password", func(t *testing.T) {
		if ok, rehash, err := p.Verify(t.Context(), Attempt{}, "", "correct horse"); ok || rehash != "" || err != nil {
			t.Errorf("got %v, %q, %v", ok, rehash, err)
		}
	})
	t.Run("not a hash", func(t *testing.T) {
		for _, h := range []string{"x", "$argon2i$v=19$m=1,t=1,p=1$YQ$YQ", "$argon2id$v=19$m=1,t=0,p=1$YQ$YQ", "$argon2id$v=19$m=64,t=1,p=1$YQ$", "$2a$10$abcdefghijklmnopqrstuv"} {
			if ok, _, err := p.Verify(t.Context(), Attempt{}, h, "correct horse"); ok || err == nil {
				t.Errorf("%q: got %v, %v", h, ok, err)
			}
		}
	})
}

func weakHash(t *testing.T, password string) string {
	t.Helper()
	p := NewPasswords(1, 1, nil)
	salt := []byte("0123456789abcdef")
	sum := p.derive(t.Context(), password, argonParams{memory: 64, time: 1, threads: 1, salt: salt, keyLen: argonKey})
	return "$argon2id$v=19$m=64,t=1,p=1$" + b64(salt) + "$" + b64(sum)
}

func TestAsError(t *testing.T) {
	if AsError(nil) != nil {
		t.Error("nil is an error")
	}
	if e := AsError(errors.New("password=hunter2")); e.Code != CodeInternal || strings.Contains(e.Error(), "hunter2") {
		t.Errorf("an unknown error is passed on: %v", e)
	}
	if e := AsError(BadInput("email", "no")); e.Code != CodeBadUserInput || e.Field != "email" {
		t.Errorf("got %+v", e)
	}
}

func TestAddressKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "": "", "x": "x",
	} {
		if got := AddressKey(in); got != want {
			t.Errorf("AddressKey(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestBearerToken(t *testing.T) {
	for name, tt := range map[string]struct {
		values []string
		want   string
	}{
		"bearer":       {[]string{"Bearer abc"}, "abc"},
		"any case":     {[]string{"bEARER abc"}, "abc"},
		"two headers":  {[]string{"Bearer abc", "Bearer def"}, ""},
		"none":         {nil, ""},
		"empty":        {[]string{""}, ""},
		"alone":        {[]string{"Bearer"}, ""},
		"alone, space": {[]string{"Bearer "}, ""},
		"other scheme": {[]string{"Basic abc"}, ""},
		"no scheme":    {[]string{"abc.def.ghi"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, token := range []string{BearerToken(tt.values), SpacedBearerToken(tt.values)} {
				if token != tt.want {
					t.Errorf("got %q", token)
				}
			}
		})
	}
	if token := SpacedBearerToken([]string{"Bearer   abc"}); token != "abc" {
		t.Errorf("with several spaces: %q", token)
	}
	if token := BearerToken([]string{"Bearer   abc"}); token != "  abc" {
		t.Errorf("on the legacy route: %q", token)
	}
}

func TestIsCommonPassword(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(commonPasswords, "\n"), "\n")
	if len(lines) < 3000 || !sort.StringsAreSorted(lines) {
		t.Fatalf("%d lines, sorted: %v", len(lines), sort.StringsAreSorted(lines))
	}
	for _, common := range lines {
		if len(common) < 8 || !isCommonPassword(common) || !isCommonPassword(strings.ToUpper(common)) {
			t.Fatalf("%q is in the list and not found, or too short", common)
		}
		if isCommonPassword(common[:7]) || isCommonPassword(common+" ") || isCommonPassword(" "+common) {
			t.Fatalf("something like %q is found", common)
		}
	}
	for _, rare := range []string{"", "correct horse", "~~~~~~~~", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x00", lines[0] + "\n" + lines[1]} {
		if isCommonPassword(rare) {
			t.Errorf("%q is found", rare)
		}
	}
}
