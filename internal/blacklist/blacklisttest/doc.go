// Package blacklisttest is the contract of a cache of invalidation as a test suite,
// and what tests of one need: a clock to set and notes without SQL.
//
// [RunEntries] is for everything that keeps entries, [RunTrust] for what may
// be believed. The package knows no cache in particular.
package blacklisttest
