package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/joho/godotenv"
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

// DefaultEnvFile is read from the working directory if it exists.
const DefaultEnvFile = ".env"

// ReadEnvFile returns the path and the variables of a file of NAME=value lines.
// Without a path it reads DefaultEnvFile; read is empty if there is no such
// file. The error repeats nothing of the content.
func ReadEnvFile(path string) (read string, vars map[string]string, err error) {
	optional := path == ""
	if optional {
		path = DefaultEnvFile
	}
	content, err := os.ReadFile(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("%s cannot be read: %w", path, cause(err))
	}
	if vars, err = godotenv.UnmarshalBytes(content); err != nil {
		return "", nil, fmt.Errorf("%s: line %d is not NAME=value", path, badLine(string(content)))
	}
	return path, vars, nil
}

// badLine returns the number of the line after the longest part that can be
// parsed. A quoted value may span several lines.
func badLine(content string) int {
	good, lines := 0, strings.SplitAfter(content, "\n")
	for i := range lines {
		if _, err := godotenv.Unmarshal(strings.Join(lines[:i+1], "")); err == nil {
			good = i + 1
		}
	}
	return min(good+1, len(lines))
}
