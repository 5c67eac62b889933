package graphqlhttp

import (
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"rekey/internal/auth"
)

const (
	// maxErrors is how many errors of one document are reported.
	maxErrors = 10
	// maxMessage is how many bytes of a message are reported.
	maxMessage = 300
)

// validationRules returns GraphQL's rules with one replaced: gqlparser's message
// about a value of the wrong type repeats the value, which may be a password.
func validationRules() *rules.Rules {
	all := rules.NewDefaultRules()
	rule := rules.ValuesOfCorrectTypeRule
	all.ReplaceRule(rule.Name, func(observers *core.Events, addError core.AddErrFunc) {
		var value *ast.Value // the one that the rule looks at
		observers.OnValue(func(_ *core.Walker, v *ast.Value) { value = v })
		rule.RuleFunc(observers, func(options ...core.ErrorOption) {
			addError(append(options, func(err *gqlerror.Error) { // keeps the location
				err.Message = fmt.Sprintf("Expected a value of type %q.", value.ExpectedType)
			})...)
		})
	})
	return all
}

// clientSafe converts the errors that gqlgen and gqlparser return for a request
// into errors under BAD_USER_INPUT. gqlparser's messages about syntax and about
// variables repeat what the client sent, which may be a password; they are
// replaced. If the schema is hidden, so are all that name a part of it.
func (h *handler) clientSafe(errs gqlerror.List, operation *graphql.OperationContext, variables map[string]any) gqlerror.List {
	safe := make(gqlerror.List, 0, min(len(errs), maxErrors))
	for _, err := range errs[:min(len(errs), maxErrors)] {
		if err.Err == nil {
			field, message := h.describe(err, operation, variables)
			err = &gqlerror.Error{Locations: err.Locations, Err: auth.BadInput(field, message), Message: message}
		}
		safe = append(safe, err)
	}
	return safe
}

func (h *handler) describe(err *gqlerror.Error, operation *graphql.OperationContext, variables map[string]any) (field, message string) {
	switch {
	case err.Extensions["code"] == errcode.ParseFailed:
		return "", "the document has a syntax error"
	case err.Rule != "" && h.options.HideSchema:
		return "", "the document breaks the rule " + err.Rule
	case err.Rule != "":
		if len(err.Message) > maxMessage {
			return "", strings.ToValidUTF8(err.Message[:maxMessage], "") + "..."
		}
		return "", err.Message
	case len(err.Path) > 1:
		return h.describeVariable(err.Path[1:], operation.Operation.VariableDefinitions, variables)
	default:
		return "", "the document has no such operation; if it has several, operationName must name one"
	}
}

// describeVariable returns the input field at a path of a variable, and what is
// wrong with it. If the schema is hidden, the path ends before a field that the
// client has not sent, and the message does not name the type.
func (h *handler) describeVariable(path ast.Path, definitions ast.VariableDefinitionList, variables map[string]any) (field, message string) {
	name, _ := path[0].(ast.PathName)
	field = string(name)
	place, value, typ := "$"+field, variables[field], definitions.ForName(field).Type
	for _, element := range path[1:] {
		name, inObject := element.(ast.PathName)
		if !inObject { // in a list
			index, _ := element.(ast.PathIndex)
			if items, isList := value.([]any); isList {
				value = items[index]
			}
			typ = typ.Elem
			continue
		}
		definition := h.schema.Types[typ.Name()].Fields.ForName(string(name))
		if definition == nil { // the name may be anything, even a password
			return field, place + " has a field that its type does not have"
		}
		members, _ := value.(map[string]any)
		member, sent := members[string(name)]
		if h.options.HideSchema && !sent {
			break
		}
		field, place, value, typ = string(name), place+"."+string(name), member, definition.Type
	}
	if h.options.HideSchema {
		return field, place + " is not valid"
	}
	return field, place + " must be of type " + typ.String()
}
