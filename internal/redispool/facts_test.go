package redispool_test

import (
	"testing"
	"time"

	"rekey/internal/redispool"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
)

// TestPool_Nodes: what each master says of itself, by every kind of URL.
func TestPool_Nodes(t *testing.T) {
	for kind, tt := range map[string]struct {
		url   string
		nodes int
	}{
		"server":  {throwaway.Redis(t).URL(), 1},
		"cluster": {throwaway.Cluster(t, 3, false).URL(), 3},
	} {
		t.Run(kind, func(t *testing.T) {
			pool, err := redispool.Open(redispool.Options{URL: tt.url, Logger: logcheck.Logger(t), Timeout: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = pool.Close() }()
			nodes, err := pool.Nodes(t.Context())
			if err != nil || len(nodes) != tt.nodes || redispool.Kind(tt.url) != kind {
				t.Fatalf("%s: %+v, %v", redispool.Kind(tt.url), nodes, err)
			}
			for _, n := range nodes {
				if n.Role != "master" || n.Policy != redispool.TrustedPolicy || n.Version == "" {
					t.Errorf("%+v", n)
				}
			}
		})
	}
	if got := redispool.Kind("rediss+sentinel://a:1,b:2?master_name=m"); got != "sentinel" {
		t.Errorf("Kind = %q", got)
	}
}

// TestPool_Nodes_away: why none answers.
func TestPool_Nodes_away(t *testing.T) {
	pool, err := redispool.Open(redispool.Options{URL: "redis://127.0.0.1:1", Logger: logcheck.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	if nodes, err := pool.Nodes(t.Context()); err == nil || len(nodes) > 0 {
		t.Errorf("%v, %v", nodes, err)
	}
}
