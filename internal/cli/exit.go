package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"rekey/internal/auth"
	"rekey/internal/keyring"
)

// Exit codes.
const (
	ExitOK            = 0
	ExitFailure       = 1
	ExitUsage         = 2
	ExitConfiguration = 3
	ExitUnavailable   = 4
	ExitNotFound      = 5
	ExitConflict      = 6
	ExitWarnings      = 7
)

// Exit is an exit code with its meaning, and with the word for it in JSON: the
// code of the API if there is one.
type Exit struct {
	Code    int
	Meaning string
	Error   auth.Code
}

// Exits returns all exit codes in order, as --help and docs/reference/commands.md
// list them.
func Exits() []Exit {
	return []Exit{
		{ExitOK, "done", ""},
		{ExitFailure, "failed: the message says why. `health`: not ready; `doctor`: something must be fixed", auth.CodeInternal},
		{ExitUsage, "the command line or its input is invalid", auth.CodeBadUserInput},
		{ExitConfiguration, "the configuration is invalid", "CONFIGURATION"},
		{ExitUnavailable, "the database or Redis does not answer: try again", auth.CodeUnavailable},
		{ExitNotFound, "there is no such user, session, key or mail", auth.CodeNotFound},
		{ExitConflict, "it exists already, or another process uses it", auth.CodeConflict},
		{ExitWarnings, "`doctor`: it works, but something should be fixed", auth.CodeInternal},
	}
}

// failure is an error with its exit code.
type failure struct {
	code int
	error
}

// Unwrap returns the error without the exit code.
func (f failure) Unwrap() error { return f.error }

// Fail returns err with an exit code, or nil if err is nil.
func Fail(code int, err error) error {
	if err == nil {
		return nil
	}
	return failure{code, err}
}

func usage(format string, args ...any) error { return Fail(ExitUsage, fmt.Errorf(format, args...)) }

// errPrinted is returned by a command whose answer describes the problem.
var errPrinted = errors.New("printed already")

// exitCode returns the exit code of an error.
func exitCode(err error) int {
	var f failure
	var e *auth.Error
	switch {
	case errors.As(err, &f):
		return f.code
	case errors.As(err, new(keyring.Misconfigured)):
		return ExitConfiguration
	case !errors.As(err, &e):
		return ExitFailure
	case e.Code == auth.CodeRateLimited:
		return ExitUnavailable
	}
	return max(ExitFailure, slices.IndexFunc(Exits(), func(x Exit) bool { return x.Error == e.Code }))
}

// Report writes the error of a command to w. The returned error has the same exit
// code, and Run does not print it again. It is nil if err is nil.
func Report(w io.Writer, err error, asJSON bool) error {
	if err == nil {
		return nil
	}
	report(w, err, asJSON)
	return Fail(exitCode(err), errPrinted)
}

// report writes an error for people, or as JSON for scripts.
func report(w io.Writer, err error, asJSON bool) {
	if errors.Is(err, errPrinted) {
		return
	}
	text := describe(err)
	if !asJSON {
		fmt.Fprintf(w, "rekey: %s\n", text)
		return
	}
	code := exitCode(err)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the reader may have left
		"error": map[string]any{"code": Exits()[code].Error, "exitCode": code, "message": text},
	})
}

// describe returns the message of an error for people. Of several errors, it
// returns one line each.
func describe(err error) string {
	if all, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // this one error, not what it wraps
		var texts []string
		for _, one := range all.Unwrap() {
			texts = append(texts, describe(one))
		}
		return strings.Join(texts, "\n")
	}
	var e *auth.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	cause := e.Unwrap()
	switch {
	case cause == nil:
		return e.Message
	case e.Code == auth.CodeUnavailable && exitCode(err) != ExitUnavailable:
		return cause.Error() // a retry does not help
	}
	return e.Message + ": " + cause.Error()
}

// explainExits returns the part of --help about exit codes.
func explainExits() string {
	text := "Exit codes:"
	for _, e := range Exits() {
		text += fmt.Sprintf("\n  %d  %s", e.Code, strings.ReplaceAll(e.Meaning, "`", ""))
	}
	return text
}
