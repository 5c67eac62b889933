package load

import (
	"bytes"
	"fmt"
)

// The documents that a front-end sends.
const (
	refreshDocument = `mutation Refresh($token: String!) { refreshToken(refreshToken: $token) { token refreshToken tokenExpiration refreshExpiration } }`
	meDocument      = `query Me { me { id name email } }`
	signUpDocument  = `mutation SignUp($email: String!, $password: String!) { signUp(input: {name: \"Bench\", email: $email, password: $password}) { token } }`
	loginDocument   = `mutation Login($email: String!, $password: String!) { login(input: {email: $email, password: $password}) { token refreshToken } }`
)

func post(to []byte, headers, document, variables string) []byte {
	body := len(`{"query":"","variables":}`) + len(document) + len(variables)
	to = fmt.Appendf(to[:0], "POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n", body, headers)
	to = append(to, `{"query":"`...)
	to = append(to, document...)
	to = append(to, `","variables":`...)
	to = append(to, variables...)
	return append(to, '}')
}

// refreshRequest is a refresh with an idempotency key, as the documentation
// recommends for front-ends. Clients of the legacy route send no key.
func refreshRequest(to []byte, kind Kind, headers, token string, client, turn int) []byte {
	if kind == REST {
		to = append(to[:0], "GET /auth/refresh HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "...)
		return append(append(append(append(to, token...), "\r\n"...), headers...), "\r\n"...)
	}
	key := fmt.Sprintf("Idempotency-Key: bench-%08d-%012d\r\n", client, turn)
	return post(to, key+headers, refreshDocument, `{"token":"`+token+`"}`)
}

func accountRequest(to []byte, document, headers string, client int, run int64) []byte {
	return post(to, headers, document, fmt.Sprintf(`{"email":"client%d.%d@example.com","password":"correct horse battery"}`, client, run))
}

// forwarded returns a proxy's header with one of 16 million addresses, chosen by
// number.
func forwarded(number int) string {
	return fmt.Sprintf("X-Forwarded-For: 10.%d.%d.%d\r\n", byte(number>>16), byte(number>>8), byte(number))
}

// member returns the value of the first JSON member with this name. The value
// must be a string without escapes, as tokens are.
func member(body []byte, name string) string {
	_, after, found := bytes.Cut(body, []byte(`"`+name+`":"`))
	value, _, ended := bytes.Cut(after, []byte{'"'})
	if !found || !ended {
		return ""
	}
	return string(value)
}
