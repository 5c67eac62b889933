// Package e2e drives the real binary from outside, over real HTTP, on real
// databases. It uses nothing of the code except its addresses and settings.
package e2e
