// Package store keeps users, sessions and blacklisted tokens in SQLite or in
// Postgres. It owns the SQL, the migrations and the turning of rows into the
// core's values, and is the only user of GORM.
//
// [Store] implements all that the core wants kept: [auth.Store],
// [auth.ReplicaNotes], [auth.FeedStore], [auth.APIKeyStore], [auth.SealedKeys]
// and [auth.KeyNotes]. It decides nothing: which token is good, what a reuse
// means and when a session expires are the core's business. storetest holds the
// contract as a suite that runs on every engine.
package store
