package config

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"rekey/internal/auth"
)

// directory takes the path of a directory, which need not exist yet.
func directory(to *string) apply {
	return func(value string, bad reject) {
		info, err := os.Stat(value)
		switch {
		case err == nil && !info.IsDir():
			bad(value, "must be a directory")
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			bad(value, "cannot be used: %v", cause(err))
		default:
			*to = value
		}
	}
}

func file(to *string) apply {
	return func(value string, bad reject) {
		if value != "" && readable(value, bad) {
			*to = value
		}
	}
}

func files(to *[]string) apply {
	return func(value string, bad reject) {
		for _, item := range items(value) {
			if readable(item, bad) {
				*to = append(*to, item)
			}
		}
	}
}

// readable reports whether a file can be opened for reading, and rejects it if
// not. It does not look at the content.
func readable(path string, bad reject) bool {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		bad(path, "is not a file") // opening a pipe would block
		return false
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err != nil {
		bad(path, "cannot be read: %v", cause(err))
		return false
	}
	return f.Close() == nil
}

// cause returns a file error without the path. The problem names the path
// already, and it may be a key that was pasted by mistake.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// fileSuffix turns the name of a secret into the name of the setting for its
// file.
const fileSuffix = "_FILE"

// inFile declares NAME_FILE for a secret, which must be declared before it.
func inFile(s setting) setting {
	f := setting{
		name: s.name + fileSuffix, kind: "file", group: s.group, secret: true,
		about: "The same in a file, such as a mounted secret; a line break at its end is ignored. Not together with `" + s.name + "`.",
	}
	f.apply = func(value string, bad reject) {
		switch {
		case value == "":
		case *s.inFile != "":
			bad(value, "must not be set together with %s", s.name)
		case readable(value, bad):
			content, err := os.ReadFile(value)
			if err == nil {
				content, err = auth.TrimByteOrderMark(content)
			}
			text := strings.TrimSpace(string(content))
			switch {
			case err != nil:
				bad(value, "cannot be read: %v", cause(err))
			case text == "":
				bad(value, "the file is empty")
			default:
				s.apply(text, bad)
			}
		}
	}
	return f
}
