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

// NewRedis returns a cache on Options.Redis. It does not connect yet: without
// Redis every check asks SQL, and the process starts nevertheless.
func NewRedis(o Options) *Cache {
	return newCache(o.withDefaults(), &redisBackend{pool: o.Redis, script: redis.NewScript(lookupLua)})
}

// redisBackend is the backend on Redis: one server, one found by sentinels, or a
// cluster.
type redisBackend struct {
	pool   *redispool.Pool
	script *redis.Script
	late   lateness
}

func (r *redisBackend) name() string { return "redis" }

// The scripts. Each works on the keys of one bucket, and returns the run id of
// the node that it ran on: a node has a new run id after each start, when its
// memory is lost. Only the script itself can know which node answers: connections
// are pooled, and an address may belong to another node than before.

// runIDLua sets run to the run id, "" if the server reports none.
const runIDLua = `
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
`

// markerLua reads the marker KEYS[1]: at is its time in ms if it is bound to this
// node, else nil.
const markerLua = runIDLua + `
local id, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%x+) (%d+)$')
if id ~= run then at = nil end
`

// lookupLua: KEYS are the marker, the session's entry and the secret's; ARGV is
// now in ms. It returns the run id, the time of the marker, the number of entries.
const lookupLua = markerLua + `
if not at then
  at = ARGV[1]
  redis.call('SET', KEYS[1], run .. ' ' .. at)
end
return {run, at, redis.call('EXISTS', KEYS[2], KEYS[3])}
`

// markLua: KEYS is the marker; ARGV is the time in ms, and "1" to reset a marker
// that is valid. It returns the run id.
const markLua = markerLua + `
if not at or (ARGV[2] == '1' and tonumber(at) < tonumber(ARGV[1])) then
  redis.call('SET', KEYS[1], run .. ' ' .. ARGV[1])
end
return run
`

// putLua: KEYS is an entry; ARGV is its life in ms. It keeps a longer life. It
// returns the run id.
const putLua = runIDLua + `
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
end
return run
`

// prefix begins the keys of a bucket. A cluster hashes the part in braces, which
// keeps the bucket on one node.
func prefix(bucket int) string { return "rekey:{" + strconv.Itoa(bucket) + "}:" }

func markerKey(bucket int) string { return prefix(bucket) + "m" }

func sessionKey(sessionID string) string { return prefix(bucketOf(sessionID)) + "s:" + sessionID }

// secretKey shortens the hash to 16 bytes. A collision would only ask SQL.
func secretKey(sessionID string, secret auth.SecretHash) string {
	return prefix(bucketOf(sessionID)) + "t:" + sessionID + ":" + hex.EncodeToString(secret[:16])
}

var errAnswer = errors.New("unexpected answer of a script")

func (r *redisBackend) lookup(ctx context.Context, sessionID string, secret auth.SecretHash, now time.Time) (lookupResult, error) {
	ctx, cancel := r.pool.Brief(ctx)
	defer cancel()
	keys := []string{markerKey(bucketOf(sessionID)), sessionKey(sessionID), secretKey(sessionID, secret)}
	answer, err := r.script.Run(ctx, r.pool.Client(), keys, now.UnixMilli()).Slice()
	if err != nil {
		return lookupResult{}, fmt.Errorf("looking for entries: %w", err)
	}
	if len(answer) != 3 {
		return lookupResult{}, errAnswer
	}
	node, ok1 := answer[0].(string)
	at, ok2 := answer[1].(string)
	entries, ok3 := answer[2].(int64)
	ms, err := strconv.ParseInt(at, 10, 64)
	if !ok1 || !ok2 || !ok3 || err != nil {
		return lookupResult{}, errAnswer
	}
	return lookupResult{node: node, marker: time.UnixMilli(ms), invalidated: entries > 0}, nil
}

func (r *redisBackend) has(ctx context.Context, sessionID string, secret auth.SecretHash) (bool, error) {
	n, err := r.pool.Client().Exists(ctx, sessionKey(sessionID), secretKey(sessionID, secret)).Result()
	if err != nil {
		return false, fmt.Errorf("looking for entries: %w", err)
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
	return r.evalAll(ctx, buckets, func(p redis.Pipeliner, i int) *redis.Cmd {
		return p.Eval(ctx, markLua, []string{markerKey(i)}, at.UnixMilli(), reset) // as "1" or "0"
	})
}

// evalAll sends n scripts in one pipeline and returns the run ids of the nodes.
// It sends the scripts in full, because a pipeline cannot resend one whose digest
// is unknown.
func (r *redisBackend) evalAll(ctx context.Context, n int, add func(redis.Pipeliner, int) *redis.Cmd) ([]string, error) {
	pipe := r.pool.Client().Pipeline()
	cmds := make([]*redis.Cmd, n)
	for i := range n {
		cmds[i] = add(pipe, i)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("running scripts: %w", err)
	}
	nodes := make([]string, n)
	for i, cmd := range cmds {
		node, err := cmd.Text()
		if err != nil {
			return nil, fmt.Errorf("running a script: %w", err)
		}
		nodes[i] = node
	}
	return nodes, nil
}
