// Package pubsubtest is the contract of [auth.Bus] as a suite of tests, run on
// every bus.
package pubsubtest
