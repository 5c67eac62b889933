package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"rekey/bench/faults/internal/inbox"
	"rekey/internal/test/throwaway"
)

// Options describes a world.
type Options struct {
	Binary   string // built with the tag faults
	Replicas int
	// Env holds settings for all replicas, as NAME=value.
	Env []string
	// Standby adds a synchronous standby.
	Standby bool
	// DataParent is the directory in which the primary's directory is created;
	// "" for the default.
	DataParent   string
	PostgresArgs []string
	// Shared is a database server to use instead of a new one. The world creates
	// a database on it and does not close it.
	Shared *Database
	Redis  RedisKind
}

// World holds everything that was started.
type World struct {
	Options  Options
	Database *Database
	Redis    *Redis
	Replicas []*Replica
	Inbox    *inbox.Inbox // of all mails
	dir      string       // shared DATA_DIR
}

// Open starts everything. The caller closes it.
func Open(o Options) (_ *World, err error) {
	w := &World{Options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if w.dir, err = os.MkdirTemp("", "rekey-faults-"); err != nil {
		return nil, fmt.Errorf("making DATA_DIR: %w", err)
	}
	if w.Inbox, err = inbox.Open(); err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	var redisErr error
	wg.Go(func() { w.Redis, redisErr = newRedis(o.Redis) })
	w.Database, err = openDatabase(o)
	wg.Wait()
	if err = errors.Join(err, redisErr); err != nil {
		return nil, err
	}
	// One after the other: the first replica creates the keys that all share.
	for i := range o.Replicas {
		if err = w.addReplica(i); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *World) addReplica(number int) error {
	r := &Replica{Number: number}
	var err error
	if r.control, err = throwaway.FreeAddr(); err != nil {
		return err
	}
	if r.Postgres, err = newProxy(w.Database.primary.Addr()); err != nil {
		return err
	}
	database, err := w.Database.urlBy(r.Postgres)
	if err != nil {
		return err
	}
	redis := w.Redis.cluster
	if redis == "" {
		if r.Redis, err = newProxy(w.Redis.Addr()); err != nil {
			return err
		}
		redis = "redis://" + r.Redis.Addr()
	}
	if r.admin, err = throwaway.FreeAddr(); err != nil {
		return err
	}
	env := append([]string{"ADMIN_ADDR=" + r.admin, "DATA_DIR=" + filepath.Join(w.dir, "data"), "DATABASE_URL=" + database, "REDIS_URL=" + redis}, append(w.Inbox.Env(), w.Options.Env...)...)
	r.server, err = newReplica(number, w.Options.Binary, r.control, env)
	if err != nil {
		return err
	}
	w.Replicas = append(w.Replicas, r)
	return nil
}

// Bases returns the replicas' URLs.
func (w *World) Bases() []string {
	bases := make([]string, len(w.Replicas))
	for i, r := range w.Replicas {
		bases[i] = r.Base()
	}
	return bases
}

// Trusted reports whether every replica trusts Redis.
func (w *World) Trusted(ctx context.Context) bool {
	for _, r := range w.Replicas {
		if ready, err := r.Ready(ctx); err != nil || ready.Checks["redis"] != "ok" {
			return false
		}
	}
	return true
}

// Describe returns what the replicas report about themselves.
func (w *World) Describe(ctx context.Context) string {
	var said []string
	for _, r := range w.Replicas {
		ready, err := r.Ready(ctx)
		said = append(said, fmt.Sprintf("replica %d: %+v %v", r.Number, ready, err))
	}
	return strings.Join(said, "; ")
}

// Versions returns the names and versions of the servers.
func (w *World) Versions(ctx context.Context) (string, error) {
	postgres, err := w.Database.version(ctx)
	if err != nil {
		return "", err
	}
	redis, err := w.Redis.version(ctx)
	return fmt.Sprintf("Postgres %s, Redis %s", postgres, redis), err
}

// Repoint points the replicas to the database's current primary.
func (w *World) Repoint() error {
	var errs []error
	for _, r := range w.Replicas {
		errs = append(errs, r.Postgres.Point(w.Database.primary.Addr()))
	}
	return errors.Join(errs...)
}

// Redirect lets new connections of the replicas lead to the primary, and keeps
// the others.
func (w *World) Redirect() {
	for _, r := range w.Replicas {
		r.Postgres.Redirect(w.Database.primary.Addr())
	}
}

// Close stops and removes everything.
func (w *World) Close() error {
	var errs []error
	for _, r := range w.Replicas {
		errs = append(errs, r.server.Close())
		r.Postgres.Close()
		if r.Redis != nil {
			r.Redis.Close()
		}
	}
	if w.Database != nil && w.Options.Shared == nil {
		errs = append(errs, w.Database.Close())
	}
	if w.Redis != nil {
		errs = append(errs, w.Redis.close())
	}
	if w.Inbox != nil {
		errs = append(errs, w.Inbox.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(w.dir))...)
}
