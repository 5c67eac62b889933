// Package oauth is the transport for programs: token introspection (RFC 7662) and
// token revocation (RFC 7009), for callers with an API key. It knows forms,
// headers and status codes. The core decides what a key may do and whether a
// token is valid.
package oauth
