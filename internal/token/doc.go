// Package token mints and verifies the tokens of rekey and owns the keys they
// are signed with. It is the only user of the JWT library.
//
// It knows the form of a token, its claims, its time bounds and its signature.
// It does not know sessions, users or what was blacklisted: a token that
// verifies here may still be refused by the core. It keeps no clock; the time
// at which a token is judged is always given.
package token
