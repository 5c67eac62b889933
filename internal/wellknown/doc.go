// Package wellknown serves what other services read to check our tokens by
// themselves: the public keys (RFC 7517) and, with an issuer, the metadata of
// RFC 8414. It knows paths and headers, and neither keys nor tokens.
package wellknown
