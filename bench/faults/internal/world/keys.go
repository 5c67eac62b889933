package world

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/redis/go-redis/v9"
)

// keysAtATime is the number of keys that one round trip reads.
const keysAtATime = 1000

// read returns the command that reads a whole key of a kind. A key that has
// expired since is read as a string, which returns nil.
func read(kind, key string) []any {
	switch kind {
	case "hash":
		return []any{"HGETALL", key}
	case "list":
		return []any{"LRANGE", key, 0, -1}
	case "set":
		return []any{"SMEMBERS", key}
	case "zset":
		return []any{"ZRANGE", key, 0, -1}
	case "stream":
		return []any{"XRANGE", key, "-", "+"}
	}
	return []any{"GET", key}
}

// look reads every key of every node, one line for each.
func (r *Redis) look(ctx context.Context, see func(node int, text io.Reader) error) error {
	for i, n := range r.nodes {
		text, err := r.dump(ctx, n.Addr())
		if err != nil {
			return fmt.Errorf("reading redis node %d: %w", i, err)
		}
		if err := see(i, text); err != nil {
			return err
		}
	}
	return nil
}

func (r *Redis) dump(ctx context.Context, addr string) (io.Reader, error) {
	o := &redis.Options{Addr: addr, DisableIdentity: true, MaxRetries: -1, ReadTimeout: callTimeout}
	if r.cluster != "" { // a copy redirects readers to its master by default
		o.OnConnect = func(ctx context.Context, c *redis.Conn) error { return c.ReadOnly(ctx).Err() }
	}
	c := redis.NewClient(o)
	defer func() { _ = c.Close() }()
	var text bytes.Buffer
	for cursor := uint64(0); ; {
		keys, next, err := c.Scan(ctx, cursor, "", keysAtATime).Result()
		if err != nil {
			return nil, err
		}
		if err := write(ctx, c, keys, &text); err != nil {
			return nil, err
		}
		if cursor = next; cursor == 0 {
			return &text, nil
		}
	}
}

// write writes keys with their contents.
func write(ctx context.Context, c *redis.Client, keys []string, text *bytes.Buffer) error {
	kinds := make([]*redis.StatusCmd, len(keys))
	if _, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			kinds[i] = p.Type(ctx, key)
		}
		return nil
	}); err != nil {
		return err
	}
	values := make([]*redis.Cmd, len(keys))
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			values[i] = p.Do(ctx, read(kinds[i].Val(), key)...)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) { // the key may have expired
		return err
	}
	for i, key := range keys {
		fmt.Fprintf(text, "%q %q\n", key, fmt.Sprint(values[i].Val()))
	}
	return nil
}
