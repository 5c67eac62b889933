package graphqlhttp

import (
	"regexp"
	"strings"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rekey/internal/auth"
)

const (
	// maxErrors is how many errors of one document are told.
	maxErrors = 10
	// maxMessage is how many bytes of a message are told.
	maxMessage = 300
)

// clientSafe turns what gqlgen and gqlparser found wrong with a request into
// errors under BAD_USER_INPUT. Their messages repeat literals and variables'
// values, which may be passwords: what is told is the kind of mistake, its
// place, and names.
func clientSafe(errs gqlerror.List) gqlerror.List {
	safe := make(gqlerror.List, 0, min(len(errs), maxErrors))
	for _, err := range errs[:min(len(errs), maxErrors)] {
		if err.Err == nil {
			field, message := describe(err)
			err = &gqlerror.Error{
				Locations: err.Locations,
				Err:       auth.BadInput(field, message),
				Message:   message,
			}
		}
		safe = append(safe, err)
	}
	return safe
}

func describe(err *gqlerror.Error) (field, message string) {
	switch {
	case err.Extensions["code"] == errcode.ParseFailed:
		return "", syntaxMessage(err.Message)
	case err.Rule != "":
		return "", ruleMessage(err.Rule, err.Message)
	case len(err.Path) > 1:
		return variableMessage(err.Path, err.Message)
	default:
		return "", "the document holds no such operation; with several, operationName must name one"
	}
}

// syntaxPattern matches what the parser says; the token that it found may be a
// string's content, so only its kind is kept.
var syntaxPattern = regexp.MustCompile(`^(Expected \S+, found|Unexpected) (<EOF>|[A-Za-z]+|[!$&().:=@\[\]{|}]{1,3})`)

func syntaxMessage(message string) string {
	if found := syntaxPattern.FindString(message); found != "" {
		return "syntax error: " + strings.ToLower(found[:1]) + found[1:]
	}
	return "syntax error"
}

// valuePattern matches what the rules about values say, up to the value.
var valuePattern = regexp.MustCompile(
	`^(Expected value of type "[^"]*"|Enum "[^"]*" cannot represent non-enum value|` +
		`[A-Za-z]+ cannot represent a? ?non[a-z0-9 -]+|Field "[^"]*" [^"]*"[^"]*"[^:]*)`)

func ruleMessage(rule, message string) string {
	if !strings.HasPrefix(rule, "ValuesOfCorrectType") {
		return shorten(message)
	}
	if found := valuePattern.FindString(message); found != "" {
		return shorten(found)
	}
	return "a value is not of its type"
}

// variablePattern matches what is said of a variable without its value.
var variablePattern = regexp.MustCompile(
	`^(must be defined|cannot be null|unknown field|enums must be ints or strings|` +
		`must be a \w+, not a \w+|cannot use [a-z0-9]+ as \w+|must an input type)$`)

var enumPattern = regexp.MustCompile(`is not a valid \w+$`)

// variableMessage names the variable, or the member of its value, that is
// wrong; field is that member.
func variableMessage(path ast.Path, message string) (field, told string) {
	names := memberNames(path[1:])
	told = "$" + strings.Join(names, ".") + ": "
	switch {
	case variablePattern.MatchString(message):
		told += message
	case enumPattern.MatchString(message):
		told += enumPattern.FindString(message)
	default:
		told += "is not valid"
	}
	return names[len(names)-1], shorten(told)
}

var namePattern = regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]{0,63}$`)

// memberNames are the names in a path; what is no GraphQL name is not repeated.
func memberNames(path ast.Path) []string {
	names := make([]string, 0, len(path))
	for _, element := range path {
		name, ok := element.(ast.PathName)
		switch {
		case ok && namePattern.MatchString(string(name)):
			names = append(names, string(name))
		case ok:
			names = append(names, "?")
		}
	}
	return names
}

func shorten(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + "..."
}
