package resolvers

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

func apiSchema() *ast.Schema { return NewSchema(&Resolver{}).Schema() }

// Everything that the explorer shows is described. What gqlparser brings along
// is not ours to describe.
func TestSchema_Descriptions(t *testing.T) {
	schema := apiSchema()
	missing := func(description, what string) {
		if strings.TrimSpace(description) == "" {
			t.Errorf("%s has no description", what)
		}
	}
	for _, definition := range schema.Types {
		if definition.BuiltIn {
			continue
		}
		missing(definition.Description, definition.Name)
		for _, value := range definition.EnumValues {
			missing(value.Description, definition.Name+"."+value.Name)
		}
		for _, field := range definition.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			missing(field.Description, definition.Name+"."+field.Name)
			for _, argument := range field.Arguments {
				missing(argument.Description, definition.Name+"."+field.Name+"("+argument.Name+")")
			}
		}
	}
	for _, name := range []string{"auth", "recent", "public", "once", "rows", "apiKey"} {
		missing(schema.Directives[name].Description, "@"+name)
		for _, argument := range schema.Directives[name].Arguments {
			missing(argument.Description, "@"+name+"("+argument.Name+")")
		}
	}
}

// Nobody can forget to say who may call a root field.
func TestSchema_Decisions(t *testing.T) {
	public := map[string]bool{"signUp": true, "login": true, "refreshToken": true, "logout": true, "requestPasswordReset": true, "resetPassword": true,
		"verifyEmail": true, "requestSignUp": true, "requestLoginEmail": true, "loginWithEmail": true, "completeSignUp": true, "confirmEmailChange": true, "undoEmailChange": true,
		"cancelDeletion": true}
	schema := apiSchema()
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, field := range root.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			decisions := 0
			for _, name := range []string{"auth", "public", "apiKey"} {
				if field.Directives.ForName(name) != nil {
					decisions++
				}
			}
			if decisions != 1 {
				t.Errorf("%s.%s needs exactly one of @auth, @apiKey and @public", root.Name, field.Name)
			}
			if isPublic := field.Directives.ForName("public") != nil; isPublic != public[field.Name] {
				t.Errorf("%s.%s: public = %v", root.Name, field.Name, isPublic)
			}
		}
		checkRecent(t, root)
		// gqlgen never calls a directive of a root type.
		if len(root.Directives) > 0 {
			t.Errorf("a directive on type %s does nothing", root.Name)
		}
	}
}

// checkRecent: @recent looks at a caller that @auth requires, and it comes after
// @auth, so that gqlgen calls it first and one statement judges both. Elsewhere than
// at fields of root types it would be forgotten by those who read them.
func checkRecent(t *testing.T, root *ast.Definition) {
	t.Helper()
	for _, field := range root.Fields {
		names := make([]string, 0, len(field.Directives))
		for _, d := range field.Directives {
			names = append(names, d.Name)
		}
		recent := slices.Index(names, "recent")
		if recent < 0 {
			continue
		}
		if at := slices.Index(names, "auth"); at < 0 || at > recent {
			t.Errorf("%s.%s needs @auth before @recent", root.Name, field.Name)
		} else if replaced := field.Directives[at].Arguments.ForName("replaced"); replaced != nil {
			t.Errorf("%s.%s has @recent, and cannot accept a replaced token", root.Name, field.Name)
		}
		if root.Name == "Subscription" {
			t.Errorf("%s.%s: a stream outlives what @recent requires", root.Name, field.Name)
		}
	}
}

// TestSchema_Once: every field that can guess a password or a refresh token is
// marked.
func TestSchema_Once(t *testing.T) {
	schema := apiSchema()
	for _, field := range schema.Mutation.Fields {
		if once := field.Directives.ForName("once") != nil; !once && takesSecret(schema, field.Arguments) {
			t.Errorf("Mutation.%s takes a password or refresh token and has no @once", field.Name)
		}
	}
	if !takesSecret(schema, schema.Mutation.Fields.ForName("login").Arguments) {
		t.Error("takesSecret does not see login's password")
	}
}

// TestSchema_Rows: every field that returns a list declares its largest length.
func TestSchema_Rows(t *testing.T) {
	schema := apiSchema()
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, field := range root.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			mark := field.Directives.ForName("rows")
			if hasList(schema, field, map[string]bool{}) != (mark != nil) {
				t.Errorf("%s.%s: @rows = %v", root.Name, field.Name, mark != nil)
			}
			if mark == nil {
				continue
			}
			if by := mark.Arguments.ForName("by"); by != nil {
				for _, name := range by.Value.Children {
					if field.Arguments.ForName(name.Value.Raw) == nil {
						t.Errorf("%s.%s has no argument %s", root.Name, field.Name, name.Value.Raw)
					}
				}
			}
		}
	}
}

// hasList reports whether a field is a list, or leads to one. A list of an enum is
// one column of a row.
func hasList(schema *ast.Schema, field *ast.FieldDefinition, seen map[string]bool) bool {
	name := field.Type.Name()
	if schema.Types[name].Kind == ast.Enum {
		return false
	}
	if field.Type.Elem != nil || seen[name] {
		return field.Type.Elem != nil
	}
	seen[name] = true
	return slices.ContainsFunc(schema.Types[name].Fields, func(f *ast.FieldDefinition) bool { return hasList(schema, f, seen) })
}

func takesSecret(schema *ast.Schema, arguments ast.ArgumentDefinitionList) bool {
	for _, argument := range arguments {
		names := []string{argument.Name}
		for _, field := range schema.Types[argument.Type.Name()].Fields {
			names = append(names, field.Name)
		}
		for _, name := range names {
			if name = strings.ToLower(name); strings.Contains(name, "password") || name == "refreshtoken" {
				return true
			}
		}
	}
	return false
}
