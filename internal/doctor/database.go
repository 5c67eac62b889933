package doctor

import (
	"fmt"
	"strconv"

	"rekey/internal/store"
)

// Database judges an engine by what it says of itself. conns is how many
// connections each replica may open.
func Database(dialect string, f store.Facts, conns int) Report {
	r := Report{ok("database", fmt.Sprintf("%s %s answers", dialect, f.Version)), migrations(f)}
	if dialect == store.SQLite {
		return append(r, sqlite(f.Settings)...)
	}
	if f.Standby {
		r = append(r, failed("database.role", "a standby, which takes no writes", "let DATABASE_URL lead to the primary"))
	}
	return append(append(r, durable(f.Settings)...), budget(f, conns)...)
}

func migrations(f store.Facts) Finding {
	const check = "database.migrations"
	found := fmt.Sprintf("%d of %d", f.Schema, f.Newest)
	switch {
	case f.Schema == 0:
		return warning(check, "none: nothing is there yet", "the service migrates when it starts, or: rekey migrate")
	case f.Schema < f.Newest:
		return warning(check, found, "the service migrates when it starts, or: rekey migrate")
	case f.Schema > f.Newest:
		return failed(check, found, "a newer rekey has migrated this database: run that one")
	}
	return ok(check, found)
}

func sqlite(settings map[string]string) Report {
	return Report{
		expect(settings["journal_mode"] == "wal", "database.journal_mode", settings["journal_mode"], "the service sets wal when it starts; something has changed it since"),
		expect(settings["synchronous"] == "2", "database.synchronous", settings["synchronous"], "it must be 2 (FULL): a commit is to be on disk before it is told"),
	}
}

// durable looks for what makes the server tell of commits that it may lose.
func durable(settings map[string]string) (r Report) {
	lost := "set it on: a crash of the server loses rotations that clients were told of, and their users sign in again"
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if value, known := settings[name]; known {
			r = append(r, expect(value != "off", "database."+name, value, lost))
		}
	}
	if level, known := settings["default_transaction_isolation"]; known {
		r = append(r, ok("database.isolation", level+"; any will do"))
	}
	return r
}

// budget holds what replicas may open against what the server lets in.
func budget(f store.Facts, conns int) Report {
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
	found := fmt.Sprintf("%d for each of %d replicas, of %d that the server lets in (%d are open)", conns, replicas, most, f.Connections)
	if f.Replicas == 0 {
		found = fmt.Sprintf("%d for one replica, of %d that the server lets in (%d are open); none runs now", conns, most, f.Connections)
	}
	return Report{expect(conns*replicas <= most, "database.connections", found,
		"lower DATABASE_MAX_CONNS, or raise max_connections: requests would be refused with 503")}
}

// Unreachable is a database that cannot be looked at, for a reason.
func Unreachable(err error) Finding {
	advice := "the service answers 503, and signs nobody out, until it is back; DATABASE_URL or DATA_DIR may be wrong"
	switch {
	case store.Refused(err):
		advice = "set DATABASE_URL right, or make what it names: the service does not start"
	case store.NotWritable(err):
		advice = "run as the user who owns it, or make it and its directory writable for this one (chown, chmod): the service does not start"
	}
	return failed("database", err.Error(), advice)
}

// NoDatabase is an embedded database that is not where the settings say.
func NoDatabase(err error) Finding {
	return warning("database", err.Error(), "if it is to be there: the service makes it when it starts")
}

// Owner says whether a server has the embedded database; commands may use it
// all the same.
func Owner(taken bool) Finding {
	if taken {
		return ok("database.server", "one runs on it")
	}
	return ok("database.server", "none runs on it now")
}
