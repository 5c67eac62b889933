// Package keyring keeps the keys of rekey: for each purpose (access, refresh,
// rotation) a next one, a current one and retired ones. It owns the master key
// that they are encrypted with, the rules of who signs when and verifies until
// when, and the files that keys come from.
//
// Every replica reads the ring each second and decides by its clock; none
// leads. What tokens are made of is internal/token's matter, where rows are
// kept internal/store's.
package keyring
