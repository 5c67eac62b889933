package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"rekey/internal/auth"
)

const (
	awaitPause = 250 * time.Millisecond // between two tries
	tellEvery  = 5 * time.Second        // while waiting
)

// await checks that the database answers. One that may come up is waited for,
// at most for Options.Wait, and the log tells what is wrong meanwhile.
func (o Options) await(ctx context.Context, ping func(context.Context) error) error {
	err := ping(ctx)
	if err == nil || o.Wait <= 0 || !mayComeUp(err) {
		return err
	}
	// No deadline: the network would know it too, and might tell of a timeout
	// of its own before the context has ended.
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(o.Wait, cancel).Stop()
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	log := o.logger()
	log.WarnContext(ctx, "the database does not answer yet: waiting", "wait", o.Wait.String(), "error", auth.Cause(err))
	for pause(waiting, awaitPause) == nil {
		again := ping(waiting)
		if again == nil {
			log.InfoContext(ctx, "the database answers")
			return nil
		}
		if waiting.Err() != nil {
			break // it was cut off: what was wrong before is the reason
		}
		if err = again; !mayComeUp(err) {
			return err
		}
		select {
		case <-tick.C:
			log.WarnContext(ctx, "still waiting for the database", "error", auth.Cause(err))
		default:
		}
	}
	return auth.Unavailable(fmt.Errorf("waited %s for the database: %w", o.Wait, auth.Cause(err)))
}

// mayComeUp reports whether waiting may help: not against a wrong user or
// password (class 28). A database that there is not may be being made.
func mayComeUp(err error) bool {
	var kept *engineError
	return !errors.As(err, &kept) || !strings.HasPrefix(kept.code, "SQLSTATE 28")
}

// Refused reports whether the server answered, at the end of Options.Wait if
// need be, and lets nobody in as Options.URL says: a wrong user or password
// (class 28), or a database that there is not.
func Refused(err error) bool {
	var kept *engineError
	return errors.As(err, &kept) && (strings.HasPrefix(kept.code, "SQLSTATE 28") || kept.code == "SQLSTATE 3D000")
}

// NotWritable reports whether this process may not write where Options.Path is:
// the owner or mode of the file or its directory forbids it, or the disk is
// mounted to be read only.
func NotWritable(err error) bool {
	if errors.As(err, new(*pgconn.ConnectError)) {
		return false // a socket's
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return true
	}
	var kept *engineError
	return errors.As(err, &kept) && slices.Contains([]string{"SQLite 8", "SQLite 1288", "SQLite 1544"}, kept.code) // READONLY, _CANTINIT, _DIRECTORY
}
