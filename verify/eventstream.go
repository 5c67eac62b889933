package verify

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const maxEvent = 64 << 10

// newLines reads lines of at most maxEvent bytes.
func newLines(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	return lines
}

var errEventTooLong = errors.New("an event is too long")

// readEvents reads server-sent events and hands the data of each `next` on,
// until the stream ends.
func readEvents(r io.Reader, take func(data []byte) error) error {
	lines := newLines(r)
	name, data := "", []byte(nil)
	for lines.Scan() {
		line := lines.Bytes()
		switch field, value, _ := bytes.Cut(line, []byte(":")); string(field) {
		case "event":
			name = string(bytes.TrimPrefix(value, []byte(" ")))
		case "data":
			data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
		}
		if len(line) > 0 {
			if len(data) > maxEvent {
				return errEventTooLong
			}
			continue
		}
		if name == "complete" {
			return io.EOF
		}
		if name == "next" && len(data) > 0 {
			if err := take(data); err != nil {
				return err
			}
		}
		name, data = "", nil
	}
	return errors.Join(lines.Err(), io.ErrUnexpectedEOF)
}
