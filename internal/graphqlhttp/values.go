package graphqlhttp

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// valueKind is the kind of a value as messages name it. Messages never repeat
// the value itself, which may be a password.
type valueKind string

const (
	kindMissing  valueKind = "no value"
	kindNull     valueKind = "null"
	kindInteger  valueKind = "an integer"
	kindNumber   valueKind = "a number"
	kindString   valueKind = "a string"
	kindBoolean  valueKind = "a boolean"
	kindEnum     valueKind = "an enum value"
	kindList     valueKind = "a list"
	kindObject   valueKind = "an object"
	kindVariable valueKind = "a variable"
)

// inputValue is a value of a request: a literal of the document, or a part of
// the variables. The zero value is missing.
type inputValue struct {
	literal *ast.Value
	json    any
	sent    bool // for json, whose nil is null
}

func literalValue(v *ast.Value) inputValue { return inputValue{literal: v} }

func jsonValue(v any) inputValue { return inputValue{json: v, sent: true} }

func (v inputValue) kind() valueKind {
	if v.literal != nil {
		return literalKind(v.literal.Kind)
	}
	switch v.json.(type) {
	case nil:
		if v.sent {
			return kindNull
		}
		return kindMissing
	case int64:
		return kindInteger
	case float64:
		return kindNumber
	case string:
		return kindString
	case bool:
		return kindBoolean
	case []any:
		return kindList
	default:
		return kindObject
	}
}

func literalKind(kind ast.ValueKind) valueKind {
	switch kind {
	case ast.NullValue:
		return kindNull
	case ast.IntValue:
		return kindInteger
	case ast.FloatValue:
		return kindNumber
	case ast.StringValue, ast.BlockValue:
		return kindString
	case ast.BooleanValue:
		return kindBoolean
	case ast.EnumValue:
		return kindEnum
	case ast.ListValue:
		return kindList
	case ast.ObjectValue:
		return kindObject
	default:
		return kindVariable
	}
}

// items returns the items of a list.
func (v inputValue) items() []inputValue {
	var items []inputValue
	if v.literal != nil {
		for _, child := range v.literal.Children {
			items = append(items, literalValue(child.Value))
		}
		return items
	}
	list, _ := v.json.([]any)
	for _, item := range list {
		items = append(items, jsonValue(item))
	}
	return items
}

// member is one field of an object in a request.
type member struct {
	name  string
	value inputValue
}

// members returns the fields of an object: those of a literal as written, those
// of JSON by name.
func (v inputValue) members() []member {
	var members []member
	if v.literal != nil {
		for _, child := range v.literal.Children {
			members = append(members, member{child.Name, literalValue(child.Value)})
		}
		return members
	}
	object, _ := v.json.(map[string]any)
	for name, value := range object {
		members = append(members, member{name, jsonValue(value)})
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return members
}

// isInt reports whether an integer is one of GraphQL's, which have 32 bits.
func (v inputValue) isInt() bool {
	if v.literal != nil {
		_, err := strconv.ParseInt(v.literal.Raw, 10, 32)
		return err == nil
	}
	n, isInteger := v.json.(int64)
	return isInteger && n >= math.MinInt32 && n <= math.MaxInt32
}

// enumName returns the name of an enum value: a bare word in a document, a
// string in variables.
func (v inputValue) enumName() (string, bool) {
	if v.literal != nil {
		return v.literal.Raw, v.literal.Kind == ast.EnumValue
	}
	name, isString := v.json.(string)
	return name, isString
}
