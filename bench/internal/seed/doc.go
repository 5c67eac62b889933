// Package seed makes sessions by the thousand: rows by SQL, and for each the
// refresh token that is current. A session is known by its number.
package seed
