package auth

import (
	"strings"
	"testing"
)

// FuzzBearerToken: for any Authorization header, the token is the rest of the value
// after the scheme. Two headers count as a missing one.
func FuzzBearerToken(f *testing.F) {
	for _, seed := range []string{
		"", "Bearer", "Bearer ", "bearer a.b.c", "BEARER  a.b.c", "Bearer\ta.b.c", "Basic eDp5", "Bearer a.b.c, Bearer d.e.f",
		" Bearer a.b.c", "Bearer a.b.c\r\nX: y", "B\u0117arer a", "\u212aearer a", "Bearer \x00", strings.Repeat("Bearer ", 2000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token := BearerToken([]string{header})
		scheme, rest, found := strings.Cut(header, " ")
		isBearer := found && strings.ToLower(scheme) == "bearer" && rest != ""
		if !isBearer {
			rest = ""
		}
		if token != rest {
			t.Errorf("token %q of %q", token, header)
		}
		if token := BearerToken([]string{header, header}); token != "" {
			t.Errorf("two headers gave the token %q", token)
		}
	})
}
