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
	typed    *regexp.Regexp // the same with a type, up to the end
	name     *regexp.Regexp // a GraphQL name that is not too long to be told
	names    *regexp.Regexp // any GraphQL name
	quoted   *regexp.Regexp // what stands in quotes
}

func newWording() *wording {
	return &wording{
		syntax: regexp.MustCompile(`^(Expected \S+, found|Unexpected) (<EOF>|[A-Za-z]+|[!$&().:=@\[\]{|}]{1,3})`),
		value: regexp.MustCompile(`^(Expected value of type "[^"]*"|Enum "[^"]*" cannot represent non-enum value|` +
			`[A-Za-z]+ cannot represent a? ?non[a-z0-9 -]+|Field "[^"]*" [^"]*"[^"]*"[^:]*)`),
		variable: regexp.MustCompile(`^(must be defined|cannot be null|unknown field|enums must be ints or strings|must an input type)$`),
		typed:    regexp.MustCompile(`(^must be a (\w+), not a \w+|^cannot use [a-z0-9]+ as (\w+)|is not a valid (\w+))$`),
		name:     regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]{0,63}$`),
		names:    regexp.MustCompile(`[_A-Za-z][_0-9A-Za-z]*`),
		quoted:   regexp.MustCompile(`"[^"]*"`),
	}
}

// clientSafe turns what gqlgen and gqlparser found wrong with a request into
// errors under BAD_USER_INPUT. Their messages repeat literals and variables'
// values, which may be passwords: what is told is the kind of mistake, its
// place, and names; of those only the known, unless they are nil.
func (w *wording) clientSafe(errs gqlerror.List, known names) gqlerror.List {
	safe := make(gqlerror.List, 0, min(len(errs), maxErrors))
	for _, err := range errs[:min(len(errs), maxErrors)] {
		if err.Err == nil {
			field, message := w.describe(err, known)
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

func (w *wording) describe(err *gqlerror.Error, known names) (field, message string) {
	switch {
	case err.Extensions["code"] == errcode.ParseFailed:
		return "", w.syntaxMessage(err.Message)
	case err.Rule != "":
		return "", w.ruleMessage(err.Rule, w.veil(err.Message, known))
	case len(err.Path) > 1:
		return w.variableMessage(err.Path, err.Message, known)
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
func (w *wording) variableMessage(path ast.Path, message string, known names) (field, told string) {
	members := w.memberNames(path[1:], known)
	told = "$" + strings.Join(members, ".") + ": " + w.variableFault(message, known)
	return members[len(members)-1], shorten(told)
}

func (w *wording) variableFault(message string, known names) string {
	if w.variable.MatchString(message) {
		return message
	}
	found := w.typed.FindStringSubmatch(message)
	if found == nil {
		return "is not valid"
	}
	typeName := strings.Join(found[2:], "") // one of the alternatives has it
	if known.told(typeName) != typeName {
		return "is not valid"
	}
	return found[1]
}

// memberNames are the names in a path; what is no GraphQL name is not repeated.
func (w *wording) memberNames(path ast.Path, known names) []string {
	members := make([]string, 0, len(path))
	for _, element := range path {
		name, ok := element.(ast.PathName)
		switch {
		case ok && w.name.MatchString(string(name)):
			members = append(members, known.told(string(name)))
		case ok:
			members = append(members, "?")
		}
	}
	return members
}

func shorten(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + "..."
}
