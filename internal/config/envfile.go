package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/joho/godotenv"
)

// DefaultEnvFile is read from the working directory if it is there.
const DefaultEnvFile = ".env"

// ReadEnvFile returns the variables of a file of NAME=value lines. Without a
// path it is DefaultEnvFile, which need not be there: read is then empty, as it
// is with an error. The error repeats nothing of what is in the file.
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

// badLine is the line, from 1 on, without which all before it can be read. What
// is in quotes may take several.
func badLine(content string) int {
	good, lines := 0, strings.SplitAfter(content, "\n")
	for i := range lines {
		if _, err := godotenv.Unmarshal(strings.Join(lines[:i+1], "")); err == nil {
			good = i + 1
		}
	}
	return min(good+1, len(lines))
}
