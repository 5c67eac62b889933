package config

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// directory takes a path that is a directory or is not there yet.
func directory(field func(*Config) *string) apply {
	return func(c *Config, value string, bad reject) {
		info, err := os.Stat(value)
		switch {
		case err == nil && !info.IsDir():
			bad(value, "must be a directory")
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			bad(value, "cannot be used: %v", cause(err))
		default:
			*field(c) = value
		}
	}
}

func file(field func(*Config) *string) apply {
	return func(c *Config, value string, bad reject) {
		if value != "" && readable(value, bad) {
			*field(c) = value
		}
	}
}

func files(field func(*Config) *[]string) apply {
	return func(c *Config, value string, bad reject) {
		for _, item := range items(value) {
			if readable(item, bad) {
				*field(c) = append(*field(c), item)
			}
		}
	}
}

// readable reports whether a file can be opened for reading, and what is wrong
// with it when not. What it holds is judged by whoever uses it.
func readable(path string, bad reject) bool {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		bad(path, "is not a file") // a pipe would also keep the open below waiting
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

// cause is a file error without the path, which the problem names already and
// which may be a key pasted by mistake.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// fileSuffix makes the name of a secret that of the setting of its file.
const fileSuffix = "_FILE"

// inFile declares the setting of a file that has a secret in it, which is
// declared before.
func inFile(s setting) setting {
	f := setting{
		name: s.name + fileSuffix, kind: "file", group: s.group, secret: true,
		about: "The same in a file, such as a mounted secret; a line end after it does not count. Not together with `" + s.name + "`.",
	}
	f.apply = func(c *Config, value string, bad reject) {
		switch {
		case value == "":
		case *s.held(c) != "":
			bad(value, "must not be set together with %s", s.name)
		case readable(value, bad):
			content, err := os.ReadFile(value)
			text := strings.TrimSpace(string(content))
			switch {
			case err != nil:
				bad(value, "cannot be read: %v", cause(err))
			case text == "":
				bad(value, "the file is empty")
			default:
				s.apply(c, text, bad)
			}
		}
	}
	return f
}
