package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rekey/internal/auth"
	"rekey/models"
)

var _ auth.Replicas = (*Store)(nil)

// SetReplicaNodes implements [auth.Replicas].
func (s *Store) SetReplicaNodes(ctx context.Context, id string, nodes []string) error {
	return s.setReplica(ctx, id, "nodes", nodes)
}

// SetReplicaKeys implements [auth.Replicas].
func (s *Store) SetReplicaKeys(ctx context.Context, id string, keys map[auth.KeyPurpose]auth.ReplicaKeys) error {
	return s.setReplica(ctx, id, "keys", keys)
}

func (s *Store) setReplica(ctx context.Context, id, column string, value any) error {
	const doing = "recording a replica's report"
	if err := checkText(id); err != nil {
		return fail(doing, err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	_, err = s.exec(ctx, nil, fmt.Sprintf(`INSERT INTO replicas (id, seen_at, %[1]s) VALUES ( @id, %[2]s, @value)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, %[1]s = excluded.%[1]s`, column, s.dialect.clock),
		params{"id": id, "value": string(text)})
	return fail(doing, err)
}

type replicaRow struct {
	models.Replica
	Now int64
}

// Replicas implements [auth.Replicas].
func (s *Store) Replicas(ctx context.Context, maxAge time.Duration) ([]auth.Replica, error) {
	const doing = "reading the replicas' reports"
	rows, err := query[replicaRow](ctx, s, `SELECT `+replicaColumns+`, `+s.dialect.clock+` FROM replicas
		WHERE seen_at >= `+s.dialect.clock+` - @age ORDER BY id`, params{"age": maxAge.Microseconds()})
	if err != nil {
		return nil, fail(doing, err)
	}
	replicas := make([]auth.Replica, len(rows))
	for i, row := range rows {
		r := auth.Replica{ID: row.ID, Age: time.Duration(row.Now-row.SeenAt) * time.Microsecond, Joined: row.Nodes != nil}
		for text, into := range map[*string]any{row.Nodes: &r.Nodes, row.Keys: &r.Keys} {
			if text == nil {
				continue
			}
			if err := json.Unmarshal([]byte(*text), into); err != nil {
				return nil, fmt.Errorf("%s: %w", doing, err)
			}
		}
		replicas[i] = r
	}
	return replicas, nil
}

// DeleteReplicas implements [auth.Replicas].
func (s *Store) DeleteReplicas(ctx context.Context, minAge time.Duration) error {
	_, err := s.exec(ctx, nil, `DELETE FROM replicas WHERE seen_at < `+s.dialect.clock+` - @age`,
		params{"age": minAge.Microseconds()})
	return fail("deleting old replicas", err)
}
