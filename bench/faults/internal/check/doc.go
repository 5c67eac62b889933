// Package check judges a history: session by session whether some order of the
// requests explains every answer (linearizability), and directly whether any of
// the things that must never happen did. It knows the rules of rotation, and
// nothing of servers.
package check
