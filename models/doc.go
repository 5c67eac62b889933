// Package models holds the rows that GORM reads and writes, one struct a
// table. It knows no rule and no other package: internal/store alone turns
// rows into the core's values and back.
//
// Times are microseconds since the Unix epoch (see
// docs/decisions/0002-times-as-microseconds.md), hashes are raw bytes, and an
// absent value is nil.
package models
