package web

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

const (
	requestIDHeader   = "X-Request-ID"
	minRequestIDBytes = 8
	maxRequestIDBytes = 64
)

// requestID takes the caller's id when it is fit for a log, so that a request
// can be followed through a proxy; else it makes one, 128 random bits.
func requestID(r *http.Request) string {
	if values := r.Header.Values(requestIDHeader); len(values) == 1 && isRequestID(values[0]) {
		return values[0]
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	return hex.EncodeToString(id[:])
}

func isRequestID(s string) bool {
	if len(s) < minRequestIDBytes || len(s) > maxRequestIDBytes {
		return false
	}
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if digit := c >= '0' && c <= '9'; !letter && !digit && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
