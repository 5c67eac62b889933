package auth

import (
	"context"
	"time"
)

// KeyNote is what a replica tells the others about its keys of one purpose.
type KeyNote struct {
	File  bool     `json:"file"`  // they are read from files
	Signs string   `json:"signs"` // the id of the one that signs
	Knows []string `json:"knows"` // the ids of all
}

// KeyNotes is where replicas leave notes about their keys. Its methods are as
// those of Store.
type KeyNotes interface {
	// WriteKeyNote replaces the note of a replica; its age is by the database's
	// clock.
	WriteKeyNote(ctx context.Context, replica string, note map[KeyPurpose]KeyNote) error
	// KeyNotes returns the notes by replica that are not older than maxAge.
	KeyNotes(ctx context.Context, maxAge time.Duration) (map[string]map[KeyPurpose]KeyNote, error)
	// DeleteKeyNotes deletes the note of a replica, and those older than minAge.
	DeleteKeyNotes(ctx context.Context, replica string, minAge time.Duration) error
}
