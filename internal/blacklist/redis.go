package blacklist

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/auth"
	"rekey/internal/redispool"
)

// NewRedis makes a cache on Options.Redis. It does not connect yet: a Redis
// that is away makes everyone ask SQL, and is no reason not to start.
func NewRedis(o Options) *Cache { return newCache(o.withDefaults(), newRedisBackend(o.Redis)) }

// redisBackend is the backend on Redis: one server, one found by sentinels, or
// a cluster.
type redisBackend struct {
	pool    *redispool.Pool
	looking *redis.Script
	late    lateness
}

func newRedisBackend(pool *redispool.Pool) *redisBackend {
	return &redisBackend{pool: pool, looking: redis.NewScript(lookLua)}
}

func (r *redisBackend) name() string { return "redis" }

// The part in braces is what a cluster hashes: keys of a bucket stay together.
func prefix(bucket int) string { return "rekey:{" + strconv.Itoa(bucket) + "}:" }

func markerKey(bucket int) string { return prefix(bucket) + "m" }

func sessionKey(sessionID string) string { return prefix(bucketOf(sessionID)) + "s:" + sessionID }

// secretKey shortens the hash: a collision of 16 bytes would only ask SQL.
func secretKey(sessionID string, secret auth.SecretHash) string {
	return prefix(bucketOf(sessionID)) + "t:" + sessionID + ":" + hex.EncodeToString(secret[:16])
}

func (r *redisBackend) look(ctx context.Context, sessionID string, secret auth.SecretHash, now time.Time) (sighting, error) {
	ctx, cancel := r.pool.Brief(ctx)
	defer cancel()
	keys := []string{markerKey(bucketOf(sessionID)), sessionKey(sessionID), secretKey(sessionID, secret)}
	answer, err := r.looking.Run(ctx, r.pool.Client(), keys, now.UnixMilli()).Slice()
	if err != nil {
		return sighting{}, fmt.Errorf("look for entries: %w", err)
	}
	return sightingOf(answer)
}

var errAnswer = errors.New("unexpected answer of a script")

func sightingOf(answer []any) (sighting, error) {
	if len(answer) != 3 {
		return sighting{}, errAnswer
	}
	node, ok1 := answer[0].(string)
	at, ok2 := answer[1].(string)
	entries, ok3 := answer[2].(int64)
	ms, err := strconv.ParseInt(at, 10, 64)
	if !ok1 || !ok2 || !ok3 || err != nil {
		return sighting{}, errAnswer
	}
	return sighting{node: node, marker: time.UnixMilli(ms), doubted: entries > 0}, nil
}

func (r *redisBackend) has(ctx context.Context, sessionID string, secret auth.SecretHash) (bool, error) {
	n, err := r.pool.Client().Exists(ctx, sessionKey(sessionID), secretKey(sessionID, secret)).Result()
	if err != nil {
		return false, fmt.Errorf("look for entries: %w", err)
	}
	return n > 0, nil
}

func (r *redisBackend) put(ctx context.Context, entries []entry) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.pool.Patience())
	defer cancel()
	return r.evalAll(ctx, len(entries), func(p redis.Pipeliner, i int) *redis.Cmd {
		e := entries[i]
		k := sessionKey(e.session)
		if e.secret != nil {
			k = secretKey(e.session, *e.secret)
		}
		return p.Eval(ctx, putLua, []string{k}, max(1, e.life.Milliseconds()))
	})
}

func (r *redisBackend) mark(ctx context.Context, at time.Time, reset bool) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor*r.pool.Patience())
	defer cancel()
	flag := 0
	if reset {
		flag = 1
	}
	return r.evalAll(ctx, buckets, func(p redis.Pipeliner, i int) *redis.Cmd {
		return p.Eval(ctx, markLua, []string{markerKey(i)}, at.UnixMilli(), flag)
	})
}

// evalAll sends n scripts at once and returns the run ids they ran on. They
// are sent in full: a pipeline cannot fall back when a digest is unknown.
func (r *redisBackend) evalAll(ctx context.Context, n int, add func(redis.Pipeliner, int) *redis.Cmd) ([]string, error) {
	pipe := r.pool.Client().Pipeline()
	cmds := make([]*redis.Cmd, n)
	for i := range n {
		cmds[i] = add(pipe, i)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("run scripts: %w", err)
	}
	nodes := make([]string, n)
	for i, cmd := range cmds {
		node, err := cmd.Text()
		if err != nil {
			return nil, fmt.Errorf("run a script: %w", err)
		}
		nodes[i] = node
	}
	return nodes, nil
}
