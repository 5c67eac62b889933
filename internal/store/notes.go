package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rekey/internal/auth"
)

// WriteReplicaNote implements [auth.ReplicaNotes].
func (s *Store) WriteReplicaNote(ctx context.Context, replica string, nodes []string) error {
	const doing = "write a replica's note"
	if err := checkText(replica); err != nil {
		return fail(doing, err)
	}
	text, err := json.Marshal(nodes)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	_, err = s.exec(ctx, nil, `INSERT INTO replica_notes (replica, nodes, written_at)
		VALUES ( @replica, @nodes, `+s.dialect.clock+`)
		ON CONFLICT (replica) DO UPDATE SET nodes = excluded.nodes, written_at = excluded.written_at`,
		params{"replica": replica, "nodes": string(text)})
	return fail(doing, err)
}

type noteRow struct {
	Replica, Nodes string
	Age            int64
}

// ReplicaNotes implements [auth.ReplicaNotes].
func (s *Store) ReplicaNotes(ctx context.Context, maxAge time.Duration) ([]auth.ReplicaNote, error) {
	const doing = "read the replicas' notes"
	rows, err := query[noteRow](ctx, s, `SELECT replica, nodes, `+s.dialect.clock+` - written_at FROM replica_notes
		WHERE written_at >= `+s.dialect.clock+` - @age ORDER BY replica`,
		params{"age": maxAge.Microseconds()})
	if err != nil {
		return nil, fail(doing, err)
	}
	notes := make([]auth.ReplicaNote, len(rows))
	for i, row := range rows {
		notes[i] = auth.ReplicaNote{Replica: row.Replica, Age: time.Duration(row.Age) * time.Microsecond}
		if err := json.Unmarshal([]byte(row.Nodes), &notes[i].Nodes); err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
	}
	return notes, nil
}

// DeleteReplicaNotes implements [auth.ReplicaNotes].
func (s *Store) DeleteReplicaNotes(ctx context.Context, minAge time.Duration) error {
	_, err := s.exec(ctx, nil, `DELETE FROM replica_notes WHERE written_at < `+s.dialect.clock+` - @age`,
		params{"age": minAge.Microseconds()})
	return fail("delete replicas' notes", err)
}
