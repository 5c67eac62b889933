//go:build faults

package fault

import (
	"context"
	"errors"
	"fmt"
	"os"

	"rekey/internal/auth"
)

type pointMailer struct {
	auth.Mailer
	points points
}

// Send implements [auth.Mailer].
func (m pointMailer) Send(ctx context.Context, id string, mail auth.Mail) error {
	m.points.hit(beforeMail)
	err := m.Mailer.Send(ctx, id, mail)
	if err == nil {
		m.points.hit(afterMail)
	}
	return err
}

// fileMailer is the path of a file to which each mail adds a line. The line is
// still there after the process was killed.
type fileMailer string

// Configured implements [auth.Mailer].
func (fileMailer) Configured() bool { return true }

// Send implements [auth.Mailer].
func (path fileMailer) Send(_ context.Context, id string, m auth.Mail) error {
	f, err := os.OpenFile(string(path), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, id, m.Kind, m.To)
	return errors.Join(err, f.Close())
}
