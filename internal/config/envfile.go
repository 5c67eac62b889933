package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"rekey/internal/auth"
)

// DefaultEnvFile is read from the working directory if it exists.
const DefaultEnvFile = ".env"

// ReadEnvFile returns the path and the variables of a file of NAME=value lines.
// Without a path it reads DefaultEnvFile; read is empty if there is no such
// file. References in values see the environment first, which takes precedence,
// then the variables above. The error repeats nothing of the content.
func ReadEnvFile(path string, getenv func(string) string) (read string, vars map[string]string, err error) {
	optional := path == ""
	if optional {
		path = DefaultEnvFile
	}
	content, err := readOwnFile(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	if errors.Is(err, errNotOwn) {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%s cannot be read: %w", path, cause(err))
	}
	if content, err = auth.TrimByteOrderMark(content); err == nil {
		vars, err = parseEnv(string(content), getenv)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	return path, vars, nil
}

// errNotOwn is returned for a file whose content another user may have chosen.
var errNotOwn = errors.New("is not read")

// readOwnFile reads a file that only its owner can write, who is root or the
// caller. Its settings decide which database gets the passwords. Pipes and the
// like have no owner that matters.
func readOwnFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if reason := foreign(info); reason != "" && info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s", errNotOwn, reason)
	}
	return io.ReadAll(f)
}

// parseEnv reads lines of NAME=value, as a shell does: with comments, with
// "export", and with quotes, in which a value may span several lines. The error
// has the number of the first bad line.
func parseEnv(content string, getenv func(string) string) (map[string]string, error) {
	statement := regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=[ \t]*(.*)$`)
	lines := strings.Split(strings.ReplaceAll(content, "\r\n", "\n"), "\n")
	vars := map[string]string{}
	resolved := true
	lookup := func(name string) string {
		value := cmp.Or(getenv(name), vars[name])
		resolved = resolved && value != ""
		return value
	}
	badLine := func(i int) error { return fmt.Errorf("line %d is not NAME=value", i+1) }
	for i := 0; i < len(lines); i++ {
		if text := strings.TrimSpace(lines[i]); text == "" || text[0] == '#' {
			continue
		}
		start := i
		parts := statement.FindStringSubmatch(lines[i])
		if parts == nil {
			return nil, badLine(start)
		}
		value, ok := envValue(parts[2], lookup)
		for more := parts[2]; !ok; value, ok = envValue(more, lookup) {
			if i++; i == len(lines) || !strings.ContainsAny(more[:1], `"'`) {
				return nil, badLine(start)
			}
			more += "\n" + lines[i]
		}
		if !resolved {
			return nil, fmt.Errorf("line %d refers with $ to a variable that is empty or not set; write the value in single quotes if the $ belongs to it", start+1)
		}
		vars[parts[1]] = value
	}
	return vars, nil
}

// envValue returns the value that text stands for. It reports false if a quote is
// not closed, or something other than a comment follows it.
func envValue(text string, lookup func(string) string) (value string, ok bool) {
	quoted := regexp.MustCompile(`^(?s:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?$`)
	switch parts := quoted.FindStringSubmatch(text); {
	case parts != nil && text[0] == '\'':
		return parts[1], true
	case parts != nil:
		unescape := strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\$`, `\$`, `\"`, `"`, `\\`, `\`)
		return expand(unescape.Replace(parts[2]), lookup), true
	case text != "" && (text[0] == '\'' || text[0] == '"'):
		return "", false
	}
	comment := regexp.MustCompile(`(^|\s)#.*$`)
	return expand(strings.TrimSpace(comment.ReplaceAllString(text, "")), lookup), true
}

// expand replaces $NAME and ${NAME} by what lookup returns. A backslash before
// the $ keeps it. Other forms in braces, which a shell has, refer to nothing.
func expand(value string, lookup func(string) string) string {
	variable := regexp.MustCompile(`\\?\$(?:\{[^}]*\}?|[A-Z0-9_]+)`)
	return variable.ReplaceAllStringFunc(value, func(match string) string {
		if match[0] == '\\' {
			return match[1:]
		}
		return lookup(strings.TrimSuffix(strings.TrimPrefix(match[1:], "{"), "}"))
	})
}
