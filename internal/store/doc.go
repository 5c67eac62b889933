// Package store keeps users, sessions and blacklisted tokens in SQLite or in
// Postgres. It owns the SQL, the migrations and the turning of rows into the
// core's values, and is the only user of GORM.
//
// It implements [auth.Store] and [auth.ReplicaNotes] and decides nothing: which
// token is good, what a reuse means and when a session expires are the core's
// business. storetest holds the contract as a suite that runs on every engine.
package store
