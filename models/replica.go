package models

// Replica is a row of replicas: what a process has reported about itself.
type Replica struct {
	ID     string  `gorm:"primaryKey"`
	SeenAt int64   // by the database's clock
	Nodes  *string // JSON; nil before the replica has joined
	Keys   *string // JSON, by purpose
}
