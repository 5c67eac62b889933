package graphqlhttp

import (
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"

	"rekey/internal/auth"
)

// maxNamedValues is how many values of an enum a message lists.
const maxNamedValues = 12

// valueFault is one value of a request that does not have its type.
type valueFault struct {
	place   string // the path of the value: input.name
	sent    string // the part of the path that the request contains
	field   string // the last name of the path
	message string // what was expected, and the kind of value that was found
	unknown bool   // whether it is a field that its type does not have
	at      *ast.Position
}

// valueChecker compares values with their types as GraphQL defines it. It is
// stricter than gqlparser with variables: an enum value in another case, an
// integer of more than 32 bits, and a string in place of an integer are faults.
type valueChecker struct {
	schema *ast.Schema
	faults []valueFault
}

// checked is a value at its place.
type checked struct {
	inputValue
	place, sent, field string
	at                 *ast.Position
}

func (c *valueChecker) fault(v checked, message string) {
	c.add(valueFault{place: v.place, sent: v.sent, field: v.field, message: message, at: v.at})
}

func (c *valueChecker) add(fault valueFault) {
	if len(c.faults) < maxErrors {
		c.faults = append(c.faults, fault)
	}
}

// check adds the faults of a value.
func (c *valueChecker) check(v checked, typ *ast.Type) {
	kind := v.kind()
	switch {
	case kind == kindVariable: // gqlparser compares the types of variables
	case kind == kindMissing || kind == kindNull:
		if typ.NonNull {
			c.wrong(v, typ)
		}
	case typ.Elem != nil && kind == kindList:
		for i, item := range v.items() {
			c.check(v.inner(item, "["+strconv.Itoa(i)+"]", v.field), typ.Elem)
		}
	case typ.Elem != nil: // one value stands for a list of one
		c.check(v, typ.Elem)
	default:
		c.checkNamed(v, typ, kind)
	}
}

func (v checked) inner(value inputValue, step, field string) checked {
	inner := checked{inputValue: value, place: v.place + step, sent: v.place + step, field: field, at: v.at}
	if value.literal != nil {
		inner.at = value.literal.Position
	}
	if value.kind() == kindMissing {
		inner.sent = v.sent
	}
	return inner
}

func (c *valueChecker) checkNamed(v checked, typ *ast.Type, kind valueKind) {
	definition := c.schema.Types[typ.NamedType]
	switch {
	case definition == nil: // reported by another rule
	case definition.Kind == ast.InputObject && kind == kindObject:
		c.checkObject(v, definition)
	case definition.Kind == ast.InputObject:
		c.wrong(v, typ)
	case definition.Kind == ast.Enum:
		if name, isEnum := v.enumName(); !isEnum || definition.EnumValues.ForName(name) == nil {
			c.wrong(v, typ)
		}
	case !hasScalarKind(typ.NamedType, v.inputValue, kind):
		c.wrong(v, typ)
	}
}

// hasScalarKind reports whether a value may be of a scalar type. Scalars of the
// schema's own are read by gqlgen.
func hasScalarKind(scalar string, v inputValue, kind valueKind) bool {
	switch scalar {
	case "Int":
		return kind == kindInteger && v.isInt()
	case "Float":
		return kind == kindInteger || kind == kindNumber
	case "String":
		return kind == kindString
	case "Boolean":
		return kind == kindBoolean
	case "ID":
		return kind == kindString || kind == kindInteger
	}
	return true
}

func (c *valueChecker) checkObject(v checked, definition *ast.Definition) {
	sent := map[string]inputValue{}
	for _, m := range v.members() {
		if definition.Fields.ForName(m.name) == nil {
			c.unknown(v, m, definition)
		}
		sent[m.name] = m.value
	}
	for _, field := range definition.Fields {
		if value, given := sent[field.Name]; given || field.DefaultValue == nil {
			c.check(v.inner(value, "."+field.Name, field.Name), field.Type)
		}
	}
}

// unknown adds the fault of a field that the type does not have. It repeats the
// name only if it can be the name of a field.
func (c *valueChecker) unknown(v checked, m member, definition *ast.Definition) {
	fault := valueFault{place: v.place, sent: v.sent, field: v.field, unknown: true, at: v.at}
	if !isFieldName(m.name) {
		fault.message = ": " + definition.Name + " does not have all fields that were sent"
		c.add(fault)
		return
	}
	names := make([]string, 0, len(definition.Fields))
	for _, field := range definition.Fields {
		names = append(names, field.Name)
	}
	fault.place, fault.field = v.place+"."+m.name, m.name
	fault.message = ": " + definition.Name + " has no such field"
	if near := core.SuggestionList(m.name, names); len(near) > 0 {
		fault.message += ", did you mean " + core.QuotedOrList(near...) + "?"
	}
	if m.value.literal != nil {
		fault.at = m.value.literal.Position
	}
	c.add(fault)
}

// isFieldName reports whether a name of a JSON member has the form of a name in
// GraphQL, and a length that names have.
func isFieldName(name string) bool {
	if name == "" || len(name) > 40 || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// wrong adds the fault of a value that is not of its type.
func (c *valueChecker) wrong(v checked, typ *ast.Type) {
	expected, found, kind := typ.String(), "", v.kind()
	definition := c.schema.Types[typ.Name()]
	switch {
	case kind == kindMissing:
		c.fault(v, ": expected "+expected+", but it is missing")
		return
	case definition != nil && definition.Kind == ast.Enum && typ.Elem == nil:
		var names []string
		for _, value := range definition.EnumValues {
			names = append(names, value.Name)
		}
		if len(names) > maxNamedValues {
			names = append(names[:maxNamedValues], "...")
		}
		expected += " (one of " + strings.Join(names, ", ") + ")"
		if _, isEnum := v.enumName(); isEnum {
			found = " that is not one of them"
		}
	case typ.Name() == "Int" && kind == kindInteger:
		found = " of more than 32 bits"
	}
	c.fault(v, ": expected "+expected+", found "+string(kind)+found)
}

// hidden returns the faults without what the client could learn from them about
// the schema: one for each place that the request contains.
func hidden(faults []valueFault) []valueFault {
	var known []valueFault
	for _, fault := range faults {
		last := strings.TrimPrefix(fault.sent[strings.LastIndex(fault.sent, ".")+1:], "$") // "name" of $input.name
		shown := valueFault{place: fault.sent, field: last, message: " is not valid"}
		if fault.unknown {
			shown.message = " has a field that its type does not have"
		}
		if !slices.ContainsFunc(known, func(k valueFault) bool { return k.place == shown.place }) {
			known = append(known, shown)
		}
	}
	return known
}

// valueError returns the error for the faults of one argument, or of the
// variables. With several, the message has all of them, and clients find each
// under extensions.fields. The words are those before and after a place.
func valueError(words [2]string, faults []valueFault) *auth.Error {
	err := &auth.Error{Code: auth.CodeBadUserInput, Field: faults[0].field}
	var messages []string
	for _, fault := range faults {
		message := shorten(words[0] + fault.place + words[1] + fault.message)
		messages = append(messages, message)
		err.Fields = append(err.Fields, auth.InvalidField{Field: fault.field, Message: message})
	}
	err.Message = shorten(strings.Join(messages, "; "))
	return err
}
