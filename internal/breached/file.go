package breached

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
)

const (
	// minDigits is the least number of digits of a prefix: of a billion hashes, a
	// prefix of so many meets another password's once in 280,000.
	minDigits  = 12
	ntlmDigits = 32
	// longestLine is the longest line: 40 digits, a colon, a number, CR and LF.
	longestLine = hashDigits + 1 + maxNumber + 2
	samples     = 1000 // lines that are checked when a file is opened
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// File is a sorted list of SHA-1 hashes in a file, which is searched on disk. It is
// safe for concurrent use.
type File struct {
	file       *os.File
	start, end int64 // of the lines
	digits     int   // of each line
}

// OpenFile opens a file that has one hash a line, in hexadecimal, sorted, with or
// without a colon and a number after it. All lines may also have the same number of
// first digits instead, at least 12. It checks the form and the order of samples.
func OpenFile(path string) (_ *File, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the list of leaked passwords: %w", err)
	}
	f := &File{file: file}
	defer func() {
		if err != nil {
			err = fmt.Errorf("the list of leaked passwords cannot be used: %w", errors.Join(err, file.Close()))
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	f.end = info.Size()
	if head, err := f.at(0, len(byteOrderMark)); err == nil && bytes.Equal(head, byteOrderMark) {
		f.start = int64(len(byteOrderMark))
	}
	return f, f.check()
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// check finds out how many digits the lines have, and checks samples.
func (f *File) check() error {
	if f.start == f.end {
		return errors.New("it is empty")
	}
	first, err := f.line(f.start)
	if err != nil {
		return err
	}
	switch f.digits = len(first.digits); {
	case f.digits == ntlmDigits:
		return errors.New("it seems to be a list of NTLM hashes: download the SHA-1 hashes")
	case f.digits < minDigits:
		return fmt.Errorf("its lines have fewer than %d digits", minDigits)
	}
	previous := ""
	for i := range int64(samples) {
		l, err := f.lineFrom(f.start + (f.end-f.start)/samples*i)
		if err != nil {
			return err
		}
		next, err := f.lineFrom(l.next)
		if err != nil {
			return err
		}
		if l.start < f.end && l.digits < previous || next.start < f.end && next.digits < l.digits {
			return errors.New("it is not sorted by hash: download the hashes in this order, or sort them with LC_ALL=C sort")
		}
		previous = l.digits
	}
	// A download that was cut off has an incomplete line at the end.
	for at := max(f.start, f.end-longestLine); at < f.end; {
		l, err := f.lineFrom(at)
		if err != nil {
			return err
		}
		at = l.next
	}
	return nil
}

// contains searches the file. It stops between two reads when ctx ends.
func (f *File) contains(ctx context.Context, hash string) (bool, error) {
	want := hash[:f.digits]
	low, high := f.start, f.end // the line begins at low or later, and not after high
	for low < high {
		if err := ctx.Err(); err != nil {
			return false, fmt.Errorf("searching the list of leaked passwords: %w", err)
		}
		middle := low + (high-low)/2
		l, err := f.lineFrom(middle)
		switch {
		case err != nil:
			return false, fmt.Errorf("searching the list of leaked passwords: %w", err)
		case l.start >= f.end || l.digits >= want:
			high = middle
		default:
			low = middle + 1
		}
	}
	l, err := f.lineFrom(low)
	if err != nil {
		return false, fmt.Errorf("searching the list of leaked passwords: %w", err)
	}
	return l.start < f.end && l.digits == want && !l.padding, nil
}

// line is one line of the file.
type line struct {
	start, next int64 // where it begins, and where the next one does
	digits      string
	padding     bool
}

// lineFrom returns the first line that begins at an offset or later. After the last
// line it returns one that starts at the end.
func (f *File) lineFrom(at int64) (line, error) {
	if at > f.start {
		// It begins after the first line break at the byte before, or later.
		chunk, err := f.at(at-1, longestLine)
		if err != nil {
			return line{}, err
		}
		end := bytes.IndexByte(chunk, '\n')
		switch {
		case end >= 0:
			at += int64(end)
		case at-1+int64(len(chunk)) == f.end:
			at = f.end // in the last line, which has no line break
		default:
			return line{}, errNotAnEntry
		}
	}
	if at >= f.end {
		return line{start: f.end, next: f.end}, nil
	}
	return f.line(at)
}

// line reads the line that begins at an offset.
func (f *File) line(at int64) (line, error) {
	chunk, err := f.at(at, longestLine)
	if err != nil {
		return line{}, err
	}
	end := bytes.IndexByte(chunk, '\n') + 1
	if end == 0 {
		if end = len(chunk); at+int64(end) < f.end {
			return line{}, errNotAnEntry
		}
	}
	digits, padding, err := entry(string(chunk[:end]))
	if err == nil && f.digits != 0 && len(digits) != f.digits {
		err = errors.New("its lines have different numbers of digits, or the last one is incomplete")
	}
	return line{start: at, next: at + int64(end), digits: digits, padding: padding}, err
}

// at reads up to n bytes at an offset, fewer at the end of the file.
func (f *File) at(offset int64, n int) ([]byte, error) {
	chunk := make([]byte, min(int64(n), f.end-offset))
	if _, err := f.file.ReadAt(chunk, offset); err != nil {
		return nil, err
	}
	return chunk, nil
}
