package resolvers_test

import (
	"strings"
	"testing"
)

const updateProfile = `mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { name locale updatedAt } }`

type profile struct {
	Name      string
	Locale    *string
	UpdatedAt string
}

func (s *stack) updateProfile(t *testing.T, token string, input map[string]any) answer {
	t.Helper()
	return s.send(t, updateProfile, map[string]any{"input": input}, bearer(token)...)
}

func TestResolver_UpdateProfile(t *testing.T) {
	s := newStack(t)
	p := s.signUp(t)
	update := func(input map[string]any) profile {
		t.Helper()
		return field[profile](t, s.updateProfile(t, p.Token, input), "updateProfile")
	}
	if got := update(map[string]any{}); got.Name != "Ada" || got.Locale != nil {
		t.Errorf("no field changed the profile: %+v", got)
	}
	if got := update(map[string]any{"name": " Ada Lovelace ", "locale": nil}); got.Name != "Ada Lovelace" || got.Locale != nil {
		t.Errorf("name: %+v", got)
	}
	for raw, want := range map[string]string{"hu": "hu", "pt_br": "pt-BR", "EN-us": "en-US", " zh-hant-tw ": "zh-Hant-TW", "iw": "he", "de-CH-1996": "de-CH-1996"} {
		if got := update(map[string]any{"locale": raw}); got.Name != "Ada Lovelace" || got.Locale == nil || *got.Locale != want {
			t.Errorf("locale %q: %+v, want %s", raw, got, want)
		}
	}
	if got := update(map[string]any{"locale": ""}); got.Locale != nil {
		t.Errorf("empty locale: %+v", got)
	}
	if next := field[pair](t, s.refresh(t, p.RefreshToken, nil), "refreshToken"); next.User.Name != "Ada Lovelace" {
		t.Errorf("after a refresh the name is %q", next.User.Name)
	}
}

func TestResolver_UpdateProfileRefused(t *testing.T) {
	s := newStack(t)
	p := s.signUp(t)
	for name, input := range map[string]map[string]any{
		"EmptyName":     {"name": " "},
		"Control":       {"name": "Ada\u0000"},
		"LongName":      {"name": strings.Repeat("a", 201)},
		"Locale":        {"locale": "klingon language"},
		"Undetermined":  {"locale": "und"},
		"UnknownLocale": {"locale": "qq-QQ-x"},
		"LongLocale":    {"locale": "en-x-" + strings.Repeat("a-", 20) + "a"},
		"Injected":      {"locale": "../../etc/passwd"},
		"OneOfTwo":      {"name": "Eve", "locale": "\r\nBcc: eve@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			if a := s.updateProfile(t, p.Token, input); a.refused() != "BAD_USER_INPUT" {
				t.Errorf("%+v", a)
			}
		})
	}
	a := s.updateProfile(t, p.Token, map[string]any{"name": "", "locale": "!"})
	if fields, _ := a.Errors[0].Extensions["fields"].([]any); len(fields) != 2 {
		t.Errorf("not all invalid fields are named: %+v", a.Errors)
	}
	if got := field[struct{ Name string }](t, s.send(t, `{ me { name } }`, nil, bearer(p.Token)...), "me"); got.Name != "Ada" {
		t.Errorf("a refused change was made: %+v", got)
	}
	if a := s.updateProfile(t, "x", map[string]any{"name": "Eve"}); a.refused() != "UNAUTHENTICATED TOKEN_INVALID" {
		t.Errorf("without a session: %s", a.refused())
	}
}
