package graphqlhttp

import (
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

// validationRules returns GraphQL's rules with one replaced: gqlparser's messages
// about a value of the wrong type repeat the value, which may be a password.
func (h *handler) validationRules() *rules.Rules {
	all := rules.NewDefaultRules()
	all.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, func(observers *core.Events, addError core.AddErrFunc) {
		seen := map[*ast.Value]bool{} // gqlparser visits fragments repeatedly
		check := func(name string, words [2]string, value *ast.Value, typ *ast.Type) {
			if !seen[value] {
				seen[value] = true
				h.checkLiteral(addError, name, words, value, typ)
			}
		}
		observers.OnField(func(_ *core.Walker, field *ast.Field) {
			if field.Definition != nil {
				eachArgument(field.Arguments, field.Definition.Arguments, `" of field "`+field.Name+`"`, check)
			}
		})
		observers.OnDirective(func(_ *core.Walker, directive *ast.Directive) {
			if directive.Definition != nil {
				eachArgument(directive.Arguments, directive.Definition.Arguments, `" of directive "@`+directive.Name+`"`, check)
			}
		})
		observers.OnVariable(func(_ *core.Walker, variable *ast.VariableDefinition) {
			if variable.DefaultValue != nil {
				check("$"+variable.Variable, [2]string{"the default of variable "}, variable.DefaultValue, variable.Type)
			}
		})
	})
	return all
}

// eachArgument calls check for each argument that is defined.
func eachArgument(arguments ast.ArgumentList, definitions ast.ArgumentDefinitionList, suffix string, check func(name string, words [2]string, value *ast.Value, typ *ast.Type)) {
	for _, argument := range arguments {
		if definition := definitions.ForName(argument.Name); definition != nil {
			check(argument.Name, [2]string{`argument "`, suffix}, argument.Value, definition.Type)
		}
	}
}

// checkLiteral adds one error for all faults of a literal. The words are those
// before and after its name in messages.
func (h *handler) checkLiteral(addError core.AddErrFunc, name string, words [2]string, value *ast.Value, typ *ast.Type) {
	checker := valueChecker{schema: h.schema}
	checker.check(checked{inputValue: literalValue(value), place: name, field: strings.TrimPrefix(name, "$"), at: value.Position}, typ)
	if len(checker.faults) == 0 {
		return
	}
	var options []core.ErrorOption
	for i, fault := range checker.faults {
		if i == 0 || checker.faults[i-1].at != fault.at { // the number of missing fields is a part of the schema
			options = append(options, core.At(fault.at))
		}
	}
	if !h.options.HideSchema {
		options = append(options, func(err *gqlerror.Error) {
			described := valueError(words, checker.faults)
			err.Err, err.Message = described, described.Message
		})
	}
	addError(options...)
}

// checkVariables returns one error for all faults of the variables, or nil. If
// the schema is hidden, the error names only what the client has sent.
func (h *handler) checkVariables(operation *ast.OperationDefinition, variables map[string]any) *auth.Error {
	checker := valueChecker{schema: h.schema}
	for _, definition := range operation.VariableDefinitions {
		value, sent := variables[definition.Variable]
		if !sent && definition.DefaultValue != nil {
			continue
		}
		checker.check(checked{
			inputValue: inputValue{json: value, sent: sent},
			place:      "$" + definition.Variable, sent: "$" + definition.Variable, field: definition.Variable,
		}, definition.Type)
	}
	if len(checker.faults) == 0 {
		return nil
	}
	if h.options.HideSchema {
		return valueError([2]string{}, hidden(checker.faults))
	}
	return valueError([2]string{"variable "}, checker.faults)
}

// clientSafe converts the errors that gqlgen and gqlparser return for a request
// into errors under BAD_USER_INPUT. gqlparser's messages about syntax and about
// variables repeat what the client sent, which may be a password; they are
// replaced. If the schema is hidden, so are all that name a part of it.
func (h *handler) clientSafe(errs gqlerror.List, operation *graphql.OperationContext, variables map[string]any) gqlerror.List {
	safe := make(gqlerror.List, 0, min(len(errs), maxErrors))
	for _, err := range errs[:min(len(errs), maxErrors)] {
		if err.Err == nil {
			described := h.describe(err, operation, variables)
			err = &gqlerror.Error{Locations: err.Locations, Err: described, Message: described.Message}
		}
		safe = append(safe, err)
	}
	return safe
}

func (h *handler) describe(err *gqlerror.Error, operation *graphql.OperationContext, variables map[string]any) *auth.Error {
	switch {
	case err.Extensions["code"] == errcode.ParseFailed:
		return auth.BadInput("", "the document has a syntax error")
	case err.Rule != "" && h.options.HideSchema:
		return auth.BadInput("", "the document breaks the rule "+err.Rule)
	case err.Rule != "":
		return auth.BadInput("", shorten(err.Message))
	case len(err.Path) > 1: // gqlparser reports one fault of the variables
		if described := h.checkVariables(operation.Operation, variables); described != nil {
			return described
		}
		return auth.BadInput("", "a variable has a value that is not valid")
	default:
		return auth.BadInput("", "the document has no such operation; if it has several, operationName must name one")
	}
}

func shorten(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + "..."
}
