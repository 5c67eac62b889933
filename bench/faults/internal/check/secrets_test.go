package check

import (
	"strings"
	"testing"
)

func TestSecrets_Search(t *testing.T) {
	secret, sig := strings.Repeat("0123456789abcdef", 4), strings.Repeat("_-aZ9", 18)[:86]
	mailed := strings.Repeat("x_-5", 11)[:43]
	secrets := Secrets{Exact: map[string]struct{}{secret: {}, sig: {}, mailed: {}}, Parts: []string{"bench-key-"}}
	tests := map[string]struct {
		line string
		want int
	}{
		"nothing":                    {"level=INFO msg=request status=200 " + strings.Repeat("f", 64), 0},
		"the id of a key":            {"kid=eyJtABTcTW5EAkPCSKH-CVMeoeyJAEq-OVkYnX7HR9Ck", 0},
		"a token":                    {"msg=eyJraWQiOiJzb21ldGhpbmcifQ.x", 1},
		"the beginning of a token":   {"msg=eyJhbGciOiJFUzI1NiIsI", 1},
		"claims":                     {"msg=eyJ1c2VyIjp7ImlkIjoi", 1},
		"a secret":                   {"hash " + secret, 1},
		"a secret among other bytes": {`\\xabc` + secret + "0", 1},
		"a signature":                {"x=" + sig + "&", 1},
		"the token of a link":        {"#reset_password=" + mailed, 1},
		"an idempotency key":         {"key=bench-key-12", 1},
		"a token and another":        {"eyJhbGciOiJFUzI1NiIs bench-key-1", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, lines, err := secrets.Search("a log", strings.NewReader("first\n"+tt.line+"\n"))
			if err != nil || len(got) != tt.want || lines != 2 {
				t.Errorf("findings %v in %d lines, %v, want %d", got, lines, err, tt.want)
			}
			for _, f := range got {
				if strings.Contains(f.Text, secret) || strings.Contains(f.Text, "eyJ") {
					t.Errorf("the finding itself contains it: %s", f.Text)
				}
			}
			if !Suspect(tt.line, secrets.Parts) && tt.want > 0 && !strings.Contains(tt.line, mailed) {
				t.Error("it is not suspected")
			}
		})
	}
}
