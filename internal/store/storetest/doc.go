// Package storetest is the contract of [auth.Store] and [auth.Replicas] as
// a suite of tests. Whatever keeps rekey's data must pass it, races included.
//
// It knows the interfaces and no engine.
package storetest
