package mail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	emlExtension = ".eml"
	maxFiles     = 200
	// fileTime sorts names by time. Two mails of one moment differ in their ids.
	fileTime = "20060102T150405.000000Z"
)

// A directorySender writes mails to files, for development. It keeps the newest.
type directorySender struct {
	directory string
	log       *slog.Logger
}

// Send writes a message to a file that only this user can read.
func (s *directorySender) Send(_ context.Context, m Message) error {
	e, err := envelopeOf(m)
	if err != nil {
		return err
	}
	content, err := m.mime(e)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.directory, 0o700); err != nil {
		return fmt.Errorf("making the directory of mails: %w", err)
	}
	name := m.Date.UTC().Format(fileTime) + "-" + string(m.Kind) + "-" + safeID(m.ID) + emlExtension
	if err := s.write(name, content); err != nil {
		return fmt.Errorf("writing a mail: %w", err)
	}
	s.log.Info("mail written to a file", "kind", string(m.Kind), "file", filepath.Join(s.directory, name))
	return s.removeOld()
}

// write replaces a file as a whole, so that a reader never sees a part of it.
func (s *directorySender) write(name string, content []byte) error {
	f, err := os.CreateTemp(s.directory, ".mail-") // only its owner can read it
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(s.directory, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (s *directorySender) removeOld() error {
	entries, err := os.ReadDir(s.directory)
	if err != nil {
		return fmt.Errorf("listing mails: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), emlExtension) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	for _, name := range names[:max(0, len(names)-maxFiles)] {
		if err := os.Remove(filepath.Join(s.directory, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing an old mail: %w", err)
		}
	}
	return nil
}
