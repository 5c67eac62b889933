package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"time"

	"rekey/internal/auth"
	"rekey/internal/keyring"
	"rekey/internal/redispool"
	"rekey/internal/store"
)

// database checks the database, this machine's clock against the database's, and
// the keys in it.
func (o Options) database(ctx context.Context) Report {
	if o.NoDatabase != nil {
		return Report{warning("database", o.NoDatabase.Error(), "if it should not exist yet: the service creates it when it starts")}
	}
	if o.Config.DatabaseURL == "" {
		if err := accessible(o.DatabaseFile, false); err != nil { // SQLite would report "out of memory"
			return Report{unreachable(&fs.PathError{Op: "open", Path: o.DatabaseFile, Err: err})}
		}
	}
	st, err := o.OpenStore(ctx, true)
	if err != nil {
		return Report{unreachable(auth.Cause(err))}
	}
	defer func() { _ = st.Close() }() // nothing was written
	facts, err := st.Facts(ctx)
	if err != nil {
		return Report{unreachable(auth.Cause(err))}
	}
	r := engine(st.Dialect(), facts, o.Config.DatabaseMaxConns)
	serving := true // on Postgres this is not known
	if st.Dialect() == store.SQLite {
		inUse, err := store.InUse(o.DatabaseFile)
		switch {
		case err != nil:
			r = append(r, unreachable(err))
		case inUse:
			r = append(r, ok("database.server", "one runs on it"))
		default:
			serving = false
			r = append(r, ok("database.server", "none runs on it now"))
		}
	}
	before := o.Now()
	at, err := st.Now(ctx)
	if err != nil {
		return append(r, unreachable(auth.Cause(err)))
	}
	r = append(r, clock(auth.ClockDistance(before, o.Now(), at), auth.MaxClockDistance(o.Config.ClockLeeway)))
	if facts.Schema < facts.Newest {
		return r // the table of the keys may be missing
	}
	if serving {
		r = append(r, o.writes(ctx))
	}
	r = append(r, mails(ctx, st)...)
	r = append(r, deletions(ctx, st)...)
	ring, err := o.NewRing(st)
	if err != nil {
		return r // reported with the settings
	}
	keys, err := ring.Diagnose(ctx)
	return append(r, ringKeys(keys, auth.Cause(err), o.Config.KeyRotation, o.Now())...)
}

// writes checks that a write commits, as readiness does. It is the only check
// that changes something: the time in a row of its own.
func (o Options) writes(ctx context.Context) Finding {
	const check, advice = "database.write", "make the database accept writes, or let DATABASE_URL lead to the primary: until then, the service answers 503"
	st, err := o.OpenStore(ctx, false)
	if err != nil {
		return failed(check, auth.Cause(err).Error(), advice)
	}
	defer func() { _ = st.Close() }() // the write is checked before
	if err := st.CheckWrite(ctx); err != nil {
		return failed(check, auth.Cause(err).Error(), advice)
	}
	return ok(check, "a write commits")
}

// unreachable describes a database that cannot be checked.
func unreachable(err error) Finding {
	advice := "until it is reachable, the service answers 503 and logs nobody out; check DATABASE_URL or DATA_DIR"
	switch {
	case store.Refused(err):
		advice = "correct DATABASE_URL, or create what it names: the service does not start"
	case store.NotWritable(err):
		advice = "run as the user who owns it, or make it and its directory writable for this user (chown, chmod): the service does not start"
	}
	return failed("database", err.Error(), advice)
}

// engine checks what a database reports on itself. conns is the maximum number
// of connections of each replica.
func engine(dialect string, f store.Facts, conns int) Report {
	r := Report{ok("database", fmt.Sprintf("%s %s answers", dialect, f.Version)), migrations(f)}
	if dialect == store.SQLite {
		mode, sync := f.Settings["journal_mode"], f.Settings["synchronous"]
		return append(r,
			expect(mode == "wal", "database.journal_mode", mode, "restart the service, which sets wal; something has changed it since"),
			expect(sync == "2", "database.synchronous", sync, "it must be 2 (FULL), so that a commit is on disk before it is acknowledged; report this as a bug"))
	}
	if f.Standby {
		r = append(r, failed("database.role", "a standby, which accepts no writes", "point DATABASE_URL at the primary"))
	}
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if value, known := f.Settings[name]; known {
			r = append(r, expect(value != "off", "database."+name, value,
				"set it on: otherwise a crash of the server loses acknowledged rotations, and their users have to log in again"))
		}
	}
	if level, known := f.Settings["default_transaction_isolation"]; known {
		r = append(r, ok("database.isolation", level+"; every level works"))
	}
	return append(r, connections(f, conns)...)
}

func migrations(f store.Facts) Finding {
	const check = "database.migrations"
	found := fmt.Sprintf("%d of %d", f.Schema, f.Newest)
	switch {
	case f.Schema == 0:
		return warning(check, "none: the database is empty", "the service migrates when it starts, or run: rekey migrate")
	case f.Schema < f.Newest:
		return warning(check, found, "the service migrates when it starts, or run: rekey migrate")
	case f.Schema > f.Newest:
		return failed(check, found, "a newer rekey has migrated this database: run that version")
	}
	return ok(check, found)
}

// connections compares what all replicas may open with what the server accepts.
func connections(f store.Facts, conns int) Report {
	most, err := strconv.Atoi(f.Settings["max_connections"])
	if err != nil {
		return nil
	}
	for _, name := range []string{"superuser_reserved_connections", "reserved_connections"} {
		if n, err := strconv.Atoi(f.Settings[name]); err == nil {
			most -= n
		}
	}
	replicas := max(1, f.Replicas)
	found := fmt.Sprintf("%d for each of %d replicas, of %d that the server accepts (%d are open)", conns, replicas, most, f.Connections)
	if f.Replicas == 0 {
		found = fmt.Sprintf("%d for one replica, of %d that the server accepts (%d are open); no replica runs now", conns, most, f.Connections)
	}
	return Report{expect(conns*replicas <= most, "database.connections", found,
		"lower DATABASE_MAX_CONNS, or raise max_connections: otherwise requests fail with 503")}
}

// oldKey is the age from which a key should be rotated if there is no schedule,
// as in the alert RekeyKeyOld.
const oldKey = 180 * 24 * time.Hour

// lateBy is how much older than its schedule a key may be.
const lateBy = 24 * time.Hour

// ringKeys checks the ring as this process could use it; err is the reason why
// it could not.
func ringKeys(keys []keyring.Key, err error, rotation time.Duration, now time.Time) (r Report) {
	if err != nil {
		r = append(r, failed("keys", err.Error(), "see docs/keys.md; the service does not start"))
	}
	if len(keys) == 0 && err == nil {
		return Report{ok("keys", "none yet: the service creates them when it starts")}
	}
	for _, p := range auth.KeyPurposes() {
		r = append(r, currentKey(p, keys, err, rotation, now))
	}
	if err == nil && slices.ContainsFunc(keys, func(k keyring.Key) bool { return k.Previous }) {
		r = append(r, warning("keys.master", "some keys are encrypted with a previous master key",
			"run rekey keys reencrypt, then remove the previous master key"))
	}
	return r
}

func currentKey(p auth.KeyPurpose, keys []keyring.Key, err error, rotation time.Duration, now time.Time) Finding {
	check := "keys." + string(p)
	i := slices.IndexFunc(keys, func(k keyring.Key) bool { return k.Purpose == p && k.State == keyring.Current })
	switch {
	case i < 0 && err != nil:
		return failed(check, "unknown", "see the check keys")
	case i < 0:
		return failed(check, "there is no current key", "see rekey keys list and docs/keys.md")
	case keys[i].File:
		return ok(check, keys[i].KID+" from a file")
	}
	age := now.Sub(keys[i].CreatedAt)
	found := fmt.Sprintf("%s, %d days old", keys[i].KID, int(age.Hours()/24))
	if rotation > 0 {
		return expect(age < rotation+lateBy, check, found, "KEY_ROTATION is "+rotation.String()+", and a running service rotates by it: does the service run?")
	}
	return expect(age < oldKey, check, found, "run rekey keys rotate, or set KEY_ROTATION: nobody is logged out")
}

func (o Options) redis(ctx context.Context) Report {
	pool, err := o.OpenRedis()
	if err != nil {
		return nil // reported with the settings
	}
	defer func() { _ = pool.Close() }() // nothing was written
	nodes, err := pool.Nodes(ctx)
	return masters(redispool.Kind(string(o.Config.RedisURL)), nodes, err)
}

// masters checks the Redis nodes that answered; err is the reason why others did
// not. Without Redis everything works, with more load on the database.
func masters(kind string, nodes []redispool.Node, err error) (r Report) {
	if err != nil {
		r = append(r, warning("redis", err.Error(), "until it is reachable, access checks query the database, and each replica counts rate limits alone"))
	}
	for _, n := range nodes {
		r = append(r, ok("redis", fmt.Sprintf("%s, a %s answers, version %s", kind, n.Role, n.Version)),
			expect(n.Policy == redispool.TrustedPolicy, "redis.maxmemory-policy", n.Policy,
				"CONFIG SET maxmemory-policy "+redispool.TrustedPolicy+", and set it in the configuration of Redis: otherwise rekey does not trust Redis, and access checks query the database"))
		if n.Role != "master" {
			r = append(r, warning("redis.role", n.Role, "point REDIS_URL at the master: a replica accepts no entries"))
		}
	}
	return r
}
