// Package oauth is the transport for programs: token introspection (RFC 7662) and
// token revocation (RFC 7009), for callers with an API key. It knows forms,
// headers and status codes; what a key may do and what a token is worth is
// asked of the core.
package oauth
