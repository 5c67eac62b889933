package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

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
	vars, badLine := parseEnv(string(content))
	if badLine > 0 {
		return "", nil, fmt.Errorf("%s: line %d is not NAME=value", path, badLine)
	}
	return path, vars, nil
}

// parseEnv reads lines of NAME=value, as a shell does: with comments, with
// "export", and with quotes, in which a value may span several lines. It returns
// the number of the first bad line, or zero.
func parseEnv(content string) (vars map[string]string, badLine int) {
	statement := regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=[ \t]*(.*)$`)
	lines := strings.Split(strings.ReplaceAll(content, "\r\n", "\n"), "\n")
	vars = map[string]string{}
	for i := 0; i < len(lines); i++ {
		if text := strings.TrimSpace(lines[i]); text == "" || text[0] == '#' {
			continue
		}
		start := i
		parts := statement.FindStringSubmatch(lines[i])
		if parts == nil {
			return nil, start + 1
		}
		value, ok := envValue(parts[2], vars)
		for more := parts[2]; !ok; value, ok = envValue(more, vars) {
			if i++; i == len(lines) || !strings.ContainsAny(more[:1], `"'`) {
				return nil, start + 1
			}
			more += "\n" + lines[i]
		}
		vars[parts[1]] = value
	}
	return vars, 0
}

// envValue returns the value that text stands for. It reports false if a quote is
// not closed, or something other than a comment follows it.
func envValue(text string, vars map[string]string) (value string, ok bool) {
	quoted := regexp.MustCompile(`^(?s:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?$`)
	switch parts := quoted.FindStringSubmatch(text); {
	case parts != nil && text[0] == '\'':
		return parts[1], true
	case parts != nil:
		unescape := strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\$`, `\$`, `\"`, `"`, `\\`, `\`)
		return expand(unescape.Replace(parts[2]), vars), true
	case text != "" && (text[0] == '\'' || text[0] == '"'):
		return "", false
	}
	comment := regexp.MustCompile(`(^|\s)#.*$`)
	return expand(strings.TrimSpace(comment.ReplaceAllString(text, "")), vars), true
}

// expand replaces $NAME and ${NAME} by a variable of the same file. A backslash
// before the $ keeps it.
func expand(value string, vars map[string]string) string {
	variable := regexp.MustCompile(`\\?\$(?:\{[A-Z0-9_]+\}|[A-Z0-9_]+)`)
	return variable.ReplaceAllStringFunc(value, func(match string) string {
		if match[0] == '\\' {
			return match[1:]
		}
		return vars[strings.Trim(match, "${}")]
	})
}
