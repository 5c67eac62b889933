package logcheck_test

import (
	"strings"
	"testing"

	"rekey/internal/test/logcheck"
)

func TestFind(t *testing.T) {
	for name, tt := range map[string]struct {
		line string
		want int
	}{
		"nothing":            {`time=x msg=request path=/auth/refresh request_id=5d5449cd7941e7c36a462658ca993a71 address=127.0.0.1:80`, 0},
		"the id of a key":    {`time=x detail="refresh eyJtABTcTW5EAkPCSKH-CVMeoeyJAEq-OVkYnX7HR9Ck"`, 0},
		"a URL":              {`time=x msg=ready graphql=http://127.0.0.1:80/graphql`, 0},
		"a password":         {`time=x msg="login of correct horse"`, 1},
		"a token":            {`{"msg":"x","token":"eyJhbGciOiJFUzI1NiJ9.e30.c2ln"}`, 1},
		"a secret":           {`{"secret":"` + strings.Repeat("0f", 32) + `"}`, 1},
		"an argon2 hash":     {`time=x hash=$argon2id$v=19$m=1`, 1},
		"an API key":         {`time=x key=rk_0123abcd_ff`, 1},
		"a PEM file":         {`time=x key="-----BEGIN EC PRIVATE KEY-----"`, 1},
		"a URL's password":   {`time=x url=postgres://u:p@host/db`, 1},
		"a header":           {`time=x header="Bearer abc"`, 1},
		"an idempotency key": {`time=x key=0123456789abcdef`, 1},
		"a panic":            {"panic: hunter2 [recovered, repanicked]", 1},
		"a stack":            {"rekey/internal/auth.(*Service).Login(0xc0001, {0x1, 0x2}, {{0x767c03, 0x7}, 0x4024000000000000})", 0},
		"an example":         {`  -d '{"password": "correct horse"}'`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if found := logcheck.Find("time=y msg=first\n"+tt.line+"\n", "0123456789abcdef", ""); len(found) != tt.want {
				t.Errorf("found %q, want %d", found, tt.want)
			}
		})
	}
}
