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
	awaitPause  = 250 * time.Millisecond // between two tries
	reportEvery = 5 * time.Second        // while waiting
)

// await checks that the database answers. It waits for at most Options.Wait if
// the database may come up, and logs the reason meanwhile.
func (o Options) await(ctx context.Context, ping func(context.Context) error) error {
	err := ping(ctx)
	if err == nil || o.Wait <= 0 || !mayComeUp(err) {
		return err
	}
	// No deadline: the network would apply it too and might report a timeout of
	// its own before the context is done.
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(o.Wait, cancel).Stop()
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	log := o.logger()
	log.WarnContext(ctx, "the database does not answer yet; waiting", "wait", o.Wait.String(), "error", auth.Cause(err))
	for pause(waiting, awaitPause) == nil {
		next := ping(waiting)
		if next == nil {
			log.InfoContext(ctx, "the database answers")
			return nil
		}
		if waiting.Err() != nil {
			break // it was cut off; the reason is what was wrong before
		}
		if err = next; !mayComeUp(err) {
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

// mayComeUp reports whether waiting may help. It does not help if the user or
// the password is wrong (class 28), or if a parameter of the URL, or the
// database itself, cannot be used. A missing database may be about to be
// created.
func mayComeUp(err error) bool {
	var engine *engineError
	return !errors.As(err, new(*unusableError)) &&
		(!errors.As(err, &engine) || !strings.HasPrefix(engine.code, "SQLSTATE 28"))
}

// Refused reports whether the server answered, at the end of Options.Wait at the
// latest, and rejects Options.URL: the user or the password is wrong (class 28),
// there is no such database, or it can never be used.
func Refused(err error) bool {
	var engine *engineError
	return errors.As(err, new(*unusableError)) ||
		errors.As(err, &engine) && (strings.HasPrefix(engine.code, "SQLSTATE 28") || engine.code == "SQLSTATE 3D000")
}

// NotWritable reports whether this process may not write at Options.Path: the
// owner or the mode of the file or its directory forbids it, or the disk is
// mounted read-only.
func NotWritable(err error) bool {
	if errors.As(err, new(*pgconn.ConnectError)) {
		return false // about a socket
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return true
	}
	var engine *engineError
	return errors.As(err, &engine) && slices.Contains([]string{"SQLite 8", "SQLite 1288", "SQLite 1544"}, engine.code) // READONLY, _CANTINIT, _DIRECTORY
}
