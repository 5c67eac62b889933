// Package seed creates thousands of sessions: their rows by SQL, and for each
// the current refresh token. A number identifies a session.
package seed
