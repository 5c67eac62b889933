// Package e2e drives the real binary from outside, over real HTTP, on real
// databases. It knows nothing of the code but its addresses and settings.
package e2e
