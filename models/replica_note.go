package models

// ReplicaNote is a row of replica_notes: which cache nodes a replica writes to.
type ReplicaNote struct {
	Replica   string `gorm:"primaryKey"`
	Nodes     string // JSON array of run ids
	WrittenAt int64  // by the database's clock
}
