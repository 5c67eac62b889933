// Package storetest is the contract of [auth.Store] and [auth.Replicas] as
// a suite of tests. Every store of
// rekey must pass it, including its races.
//
// It uses the interfaces only and knows no engine.
package storetest
