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

// wording knows which messages of gqlgen and gqlparser can be told, and how far.
type wording struct {
	syntax   *regexp.Regexp // what the parser expected, and the kind of what it found
	value    *regexp.Regexp // what the rules about values say, up to the value
	variable *regexp.Regexp // what is said of a variable without its value
	enum     *regexp.Regexp // the end of what is said of an enum's variable
	name     *regexp.Regexp // a GraphQL name that is not too long to be told
}

func newWording() *wording {
	return &wording{
		syntax: regexp.MustCompile(`^(Expected \S+, found|Unexpected) (<EOF>|[A-Za-z]+|[!$&().:=@\[\]{|}]{1,3})`),
		value: regexp.MustCompile(`^(Expected value of type "[^"]*"|Enum "[^"]*" cannot represent non-enum value|` +
			`[A-Za-z]+ cannot represent a? ?non[a-z0-9 -]+|Field "[^"]*" [^"]*"[^"]*"[^:]*)`),
		variable: regexp.MustCompile(`^(must be defined|cannot be null|unknown field|enums must be ints or strings|` +
			`must be a \w+, not a \w+|cannot use [a-z0-9]+ as \w+|must an input type)$`),
		enum: regexp.MustCompile(`is not a valid \w+$`),
		name: regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]{0,63}$`),
	}
}

// clientSafe turns what gqlgen and gqlparser found wrong with a request into
// errors under BAD_USER_INPUT. Their messages repeat literals and variables'
// values, which may be passwords: what is told is the kind of mistake, its
// place, and names.
func (w *wording) clientSafe(errs gqlerror.List) gqlerror.List {
	safe := make(gqlerror.List, 0, min(len(errs), maxErrors))
	for _, err := range errs[:min(len(errs), maxErrors)] {
		if err.Err == nil {
			field, message := w.describe(err)
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

func (w *wording) describe(err *gqlerror.Error) (field, message string) {
	switch {
	case err.Extensions["code"] == errcode.ParseFailed:
		return "", w.syntaxMessage(err.Message)
	case err.Rule != "":
		return "", w.ruleMessage(err.Rule, err.Message)
	case len(err.Path) > 1:
		return w.variableMessage(err.Path, err.Message)
	default:
		return "", "the document holds no such operation; with several, operationName must name one"
	}
}

// syntaxMessage keeps only the kind of the token that was found: it may be a
// string's content.
func (w *wording) syntaxMessage(message string) string {
	if found := w.syntax.FindString(message); found != "" {
		return "syntax error: " + strings.ToLower(found[:1]) + found[1:]
	}
	return "syntax error"
}

func (w *wording) ruleMessage(rule, message string) string {
	if !strings.HasPrefix(rule, "ValuesOfCorrectType") {
		return shorten(message)
	}
	if found := w.value.FindString(message); found != "" {
		return shorten(found)
	}
	return "a value is not of its type"
}

// variableMessage names the variable, or the member of its value, that is
// wrong; field is that member.
func (w *wording) variableMessage(path ast.Path, message string) (field, told string) {
	names := w.memberNames(path[1:])
	told = "$" + strings.Join(names, ".") + ": "
	switch {
	case w.variable.MatchString(message):
		told += message
	case w.enum.MatchString(message):
		told += w.enum.FindString(message)
	default:
		told += "is not valid"
	}
	return names[len(names)-1], shorten(told)
}

// memberNames are the names in a path; what is no GraphQL name is not repeated.
func (w *wording) memberNames(path ast.Path) []string {
	names := make([]string, 0, len(path))
	for _, element := range path {
		name, ok := element.(ast.PathName)
		switch {
		case ok && w.name.MatchString(string(name)):
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
