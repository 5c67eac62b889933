package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// misspelt returns documents and variables with a mistake at each position that
// contains a name of the schema. The answers must not help an attacker guess
// names.
func misspelt() []map[string]any {
	input := func(members map[string]any) map[string]any {
		return map[string]any{"query": `mutation($i: LoginInput!) { login(input: $i) { token } }`, "variables": map[string]any{"i": members}}
	}
	list := []map[string]any{
		input(map[string]any{"emial": "a", "password": "b"}), input(map[string]any{"email": nil}),
		input(map[string]any{"password": "b"}), input(map[string]any{"email": 1, "password": "b"}),
		{"query": `mutation($i: LoginInput!) { login(input: $i) { token } }`, "variables": map[string]any{"i": "x"}},
		{"query": `mutation($s: LogoutScope!) { logout(scope: $s) }`, "variables": map[string]any{"s": "AL"}},
		{"query": `mutation($s: LogoutScope!) { logout(scope: $s) }`, "variables": map[string]any{"s": 1}},
		{"query": `query a { __typename }`, "operationName": "b"},
	}
	for _, query := range []string{
		`{ mee { id } }`, `{ me }`, `{ me { nam } }`, `{ me { id { x } } }`, `{ me { sesion { id } } }`, `{ logn }`,
		`mutation { lgin { x } }`, `mutation { login }`, `mutation { login { x } }`, `mutation { me { id } }`, `subscription { x }`,
		`{ isBlacklisted }`, `{ isBlacklisted(tokn: "x") }`, `{ isBlacklisted(token: 1) }`, `{ isBlacklisted(token: null) }`, `{ me { id(x: 1) } }`,
		`mutation { login(input: "x") { x } }`, `mutation { login(input: {}) { x } }`, `mutation { login(input: {emial: "x"}) { x } }`,
		`mutation { login(input: {email: 1}) { x } }`, `mutation { signUp(input: [1]) { x } }`,
		`mutation { logout(scope: AL) }`, `mutation { logout(scope: "ALL") }`, `mutation { logout(scope: 1) }`, `mutation { logout(scope: {}) }`,
		`{ ... on Qery { x } }`, `{ ... on LogoutScop { x } }`, `{ me { ... on LogoutScope { x } } }`, `{ me { ... on Session { x } } }`,
		`{ ...f } fragment f on Usr { x }`, `{ ...f } fragment f on User { x }`, `{ ...g }`,
		`query($x: Strin) { isBlacklisted(token: $x) }`, `query($x: Int) { isBlacklisted(token: $x) }`, `query($x: AuthPayload) { x(y: $x) }`,
		`query($x: Login) { x(y: $x) }`, `mutation($i: LoginInput = {emial: 1}) { login(input: $i) { x } }`,
		`{ me @skp { id } }`, `{ me @skip { id } }`, `{ me @skip(iff: true) { id } }`, `{ me @aut { id } }`, `{ me @one { id } }`, `query @publc { x }`,
		`{ __shema { x } }`, `{ __schema { types { name } } }`, `{ __type(name: "User") { name } }`, `{ me { __typenam } }`,
	} {
		list = append(list, map[string]any{"query": query})
	}
	return list
}

// schemaNames reads the names from a server with introspection.
func schemaNames(t *testing.T, base string) map[string]bool {
	t.Helper()
	type named struct{ Name string }
	type field struct {
		named
		Args []named
	}
	var data struct {
		Schema struct {
			Types []struct {
				named
				Fields                  []field
				InputFields, EnumValues []named
			}
			Directives []field
		} `json:"__schema"`
	}
	problem, _, err := graphql(httpClient(), base, "", `{ __schema {
		types { name fields { name args { name } } inputFields { name } enumValues { name } } directives { name args { name } } } }`, nil, &data)
	if err != nil || problem != "" {
		t.Fatalf("introspection in development: %s, %v", problem, err)
	}
	names := map[string]bool{}
	addFields := func(fields []field) {
		for _, f := range fields {
			names[f.Name] = true
			for _, a := range f.Args {
				names[a.Name] = true
			}
		}
	}
	addFields(data.Schema.Directives)
	for _, typ := range data.Schema.Types {
		names[typ.Name] = true
		addFields(typ.Fields)
		for _, n := range append(typ.InputFields, typ.EnumValues...) {
			names[n.Name] = true
		}
	}
	return names
}

// TestProduction_tellsNoNames: in production an error contains only names that
// the request itself contains, whatever is wrong with it.
func TestProduction_tellsNoNames(t *testing.T) {
	development := start(t, map[string]string{"DATA_DIR": t.TempDir(), "RATE_LIMITS": "off"})
	secret := schemaNames(t, development.URL)
	for _, known := range []string{"LoginInput", "email", "scope", "ALL", "once", "AuthPayload"} {
		if !secret[known] {
			t.Fatalf("%s is not in the schema", known)
		}
	}
	// Every server has these: kinds of values and locations of directives.
	for _, word := range []string{"String", "FIELD", "QUERY"} {
		delete(secret, word)
	}
	production := start(t, map[string]string{"DATA_DIR": t.TempDir(), "ENV": "production", "RATE_LIMITS": "off"})
	helped := 0
	for _, request := range misspelt() {
		body, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		if len(revealed(t, development.URL, body, secret)) > 0 {
			helped++
		}
		if names := revealed(t, production.URL, body, secret); len(names) > 0 {
			t.Errorf("%s reveals %q", body, names)
		}
	}
	if helped < 20 {
		t.Errorf("%d documents are helped with in development: this list finds nothing", helped)
	}
}

// revealed returns the names in the data and in the errors' messages and fields
// that the request does not contain.
func revealed(t *testing.T, base string, body []byte, secret map[string]bool) []string {
	t.Helper()
	res, err := http.Post(base+"/graphql", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Field string }
		}
	}
	raw, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		t.Fatalf("%s: %v, %s", body, err, raw)
	}
	words := regexp.MustCompile(`[_A-Za-z][_0-9A-Za-z]*`)
	asked := map[string]bool{}
	for _, word := range words.FindAllString(string(body), -1) {
		asked[word] = true
	}
	// Outside of quotes, words in lower case are English.
	names := regexp.MustCompile(`"[^"]*"|\$[\w.]+|\w*[A-Z]\w*`)
	text := string(answer.Data)
	for _, e := range answer.Errors {
		text += " " + strings.Join(names.FindAllString(e.Message, -1), " ") + " " + e.Extensions.Field
	}
	var leaked []string
	for _, word := range words.FindAllString(text, -1) {
		if secret[word] && !asked[word] {
			leaked = append(leaked, word)
		}
	}
	return leaked
}

// TestProduction_switches: a switch that is set does not depend on ENV.
func TestProduction_switches(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "ENV": "production", "INTROSPECTION": "on"})
	if names := schemaNames(t, p.URL); !names["User"] {
		t.Error("introspection is off though it is switched on")
	}
	p = start(t, map[string]string{"DATA_DIR": t.TempDir(), "INTROSPECTION": "off"})
	var data any
	problem, _, err := graphql(httpClient(), p.URL, "", `{ __schema { description } }`, nil, &data)
	if err != nil || problem != "BAD_USER_INPUT" {
		t.Errorf("introspection that is off: %s, %v", problem, err)
	}
}
