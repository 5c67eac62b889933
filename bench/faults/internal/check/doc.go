// Package check judges a history. For each session it searches for an order of
// the requests that explains every answer (linearizability). It also checks
// directly that nothing happened that must never happen. It knows the rules of
// rotation and nothing about servers.
package check
