package graphqlhttp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/internal/test/cputime"
	"rekey/internal/web"
)

// hostile are bodies of up to 64 KiB that take a server without limits long.
// Each stays just within ours where it can.
func hostile() map[string]string {
	document := func(query string) string {
		body, _ := json.Marshal(map[string]any{"query": query})
		return string(body)
	}
	bodies := map[string]string{
		"the same field":        document(`{` + strings.Repeat(" __typename", 990) + `}`),
		"the same field deeper": document(`{me{` + strings.Repeat(" id", 299) + `}}`),
		"fields that conflict":  document(`{me{` + strings.Repeat(" a:id a:name", 14) + strings.Repeat(" id", 270) + `}}`),
		"objects that merge":    document(`{` + strings.Repeat("me{id}", 19) + `}`),
		"nested that merge":     document(`{__schema{` + strings.Repeat("types{fields{type{name}}}", 7) + `}}`),
		"unknown fields":        document(`{me{` + strings.Repeat(" nam", 299) + `}}`),
		"unknown long fields":   document(`{me{` + manyNames(299, 90) + `}}`),
		"unknown arguments":     document(`{isBlacklisted(` + strings.Repeat(` tokn:1`, 320) + `)}`),
		"unknown types":         document(`{` + strings.Repeat(`...on Usr{id}`, 160) + `}`),
		"unused fragments":      document(`{me{id}}` + repeat(110, " fragment f%d on User{id}")),
		"doubling fragments":    document(doubling(14)),
		"cross spreads":         document(crossSpreads(28)),
		"cyclic fragments":      document(`{me{...f0}}` + cycle(100)),
		"directives":            document(`{me{id` + strings.Repeat(` @include(if:true)`, 160) + `}}`),
		"variables":             document(`query(` + repeat(190, "$v%d:Int ") + `){me{id}}`),
		"list values":           document(`{isBlacklisted(token:` + strings.Repeat("[", 480) + strings.Repeat("]", 480) + `)}`),
		"aliases":               document(`{` + aliased("me{id name email}", 20) + `}`),
		"operations":            document(repeat(140, " query q%d{__typename}")),
		"commas":                document(`{` + strings.Repeat(",", 60_000) + `__typename}`),
		"many braces":           document(strings.Repeat("{a", 20_000)),
		"one long name":         document(`{` + strings.Repeat("a", 60_000) + `}`),
		"one long string":       document(`{isBlacklisted(token:"` + strings.Repeat("a", 60_000) + `")}`),
		"escapes":               document(`{isBlacklisted(token:"` + strings.Repeat(`\u0041`, 8_000) + `")}`),
		"unknown variables":     `{"query":"{__typename}","variables":{` + strings.TrimSuffix(repeat(5_000, `"v%d":1,`), ",") + `}}`,
		"deep variables":        `{"query":"{__typename}","variables":{"a":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `}}`,
		"deep JSON":             strings.Repeat("[", 60_000),
		"comments":              document(strings.Repeat("#\n", 990) + `{__typename}`),
		"one long comment":      document("#" + strings.Repeat("a", 60_000) + "\n{__typename}"),
		"block string":          document(`{isBlacklisted(token:"""` + strings.Repeat(" \n", 20_000) + `""")}`),
		"indented block string": document(`{isBlacklisted(token:"""` + strings.Repeat("\n      a", 7_000) + `""")}`),
		"quotes in a string":    document(`{isBlacklisted(token:"""` + strings.Repeat(`\"""`, 7_000) + `""")}`),
		"many strings":          document(`{isBlacklisted(` + strings.Repeat(`a:"b" `, 300) + `)}`),
		"one long number":       document(`{isBlacklisted(token:` + strings.Repeat("9", 60_000) + `)}`),
		"object values":         document(`mutation{login(input:` + strings.Repeat("{email:", 240) + "1" + strings.Repeat("}", 240) + `){token}}`),
		"unknown members":       document(`mutation{login(input:{` + strings.Repeat(` emial:1`, 320) + `}){token}}`),
		"unknown directives":    document(`{me{id` + strings.Repeat(` @skp`, 490) + `}}`),
		"directive arguments":   document(`{me{id @skip(` + strings.Repeat(`iff:true `, 320) + `)}}`),
		"variable directives":   document(`query(` + strings.Repeat("$v:Int @a ", 160) + `){me{id}}`),
		"variable defaults":     document(`query(` + repeat(120, `$v%d:[LoginInput!]=[{}] `) + `){me{id}}`),
		"the same variable":     document(`query(` + strings.Repeat("$v:Int ", 240) + `){me{id}}`),
		"used variables":        document(`query(` + repeat(90, "$v%d:Boolean! ") + `){me{` + repeat(90, "id @skip(if:$v%d) ") + `}}`),
		"list variable":         loginWith(`[` + strings.Repeat(`{},`, 20_000) + `{}]`),
		"nested variable":       loginWith(strings.Repeat(`{"email":`, 6_000) + `1` + strings.Repeat(`}`, 6_000)),
		"unknown in variable":   loginWith(`{` + repeat(5_000, `"v%d":1,`) + `"email":"","password":""}`),
		"the same in variable":  loginWith(`{` + strings.Repeat(`"email":"",`, 5_000) + `"password":""}`),
		"long variable":         loginWith(`{"email":"` + strings.Repeat("a", 60_000) + `","password":""}`),
		"escaped variable":      loginWith(`{"email":"` + strings.Repeat(`\u00e9`, 10_000) + `","password":""}`),
		"number variable":       loginWith(strings.Repeat("9", 60_000)),
		"exponent variable":     loginWith(`{"email":1e` + strings.Repeat("9", 300) + `}`),
		"escaped names":         `{` + strings.Repeat(`"\u0071uery":1,`, 4_000) + `"query":"{__typename}"}`,
		"unknown extensions":    `{"query":"{__typename}","extensions":{` + strings.TrimSuffix(repeat(5_000, `"v%d":[{}],`), ",") + `}}`,
	}
	for name, query := range introspectionBombs() {
		bodies["introspection: "+name] = document(query)
	}
	return bodies
}

// loginWith is a body whose variable is the given JSON.
func loginWith(variable string) string {
	return `{"query":"mutation($i:LoginInput!){login(input:$i){token}}","variables":{"i":` + variable + `}}`
}

// hostileRequests returns functions that return requests with the hostile
// bodies, headers and URLs. In each turn a document is another text, which is
// not in the cache.
func hostileRequests() map[string]func(turn int) *http.Request {
	requests := map[string]func(turn int) *http.Request{}
	for name, body := range hostile() {
		requests[name] = func(turn int) *http.Request {
			return postOf(strings.Replace(body, `"query":"`, `"query":"`+strings.Repeat(" ", turn), 1))
		}
	}
	for name, query := range map[string]string{
		"GET: long":               "query=" + strings.Repeat("a", 65_000),
		"GET: escapes":            "query=" + strings.Repeat("%7B", 21_000),
		"GET: broken escapes":     "query=" + strings.Repeat("%", 65_000),
		"GET: parameters":         strings.Repeat("a&", 32_000),
		"GET: the same":           strings.Repeat("query=%7Bme&", 5_000),
		"GET: semicolons":         strings.Repeat(";", 65_000),
		"GET: deep variables":     "query=%7B__typename%7D&variables=" + strings.Repeat("[", 64_000),
		"GET: variables":          "query=%7B__typename%7D&variables={" + repeat(5_000, `"v%d":1,`) + `"v":1}`,
		"GET: fields":             "query={me{" + strings.Repeat("+id", 299) + "}}",
		"GET: doubling":           "query=" + strings.ReplaceAll(doubling(14), " ", "+"),
		"GET: wide introspection": "query={__schema{types{fields{args{type{name+kind+description" + strings.Repeat("+name", 13) + "}}}}}}",
	} {
		requests[name] = func(turn int) *http.Request {
			r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
			r.URL.RawQuery = strings.Replace(query, "query=", "query="+strings.Repeat("+", turn), 1)
			return r
		}
	}
	for name, header := range map[string][2]string{
		"Accept: types":         {"Accept", strings.Repeat("a/b,", 16_000)},
		"Accept: parameters":    {"Accept", "a/b" + strings.Repeat(";a=b", 16_000)},
		"Accept: qualities":     {"Accept", strings.Repeat("*/*;q=0.9999999,", 4_000)},
		"Accept: continuations": {"Accept", "a/b" + repeat(5_000, ";a*%d=b")},
		"Accept: commas":        {"Accept", strings.Repeat(",", 64_000)},
		"Content-Type":          {"Content-Type", "application/json" + repeat(5_000, ";a*%d=b")},
		"Authorization":         {"Authorization", "Bearer " + strings.Repeat(".", 64_000)},
		"Cookie":                {"Cookie", strings.Repeat("__Host-rekey_refresh=a; ", 2_700)},
	} {
		requests[name] = func(turn int) *http.Request {
			r := postOf(`{"query":"` + strings.Repeat(" ", turn) + `{me{id}}"}`)
			r.Header.Set(header[0], header[1])
			return r
		}
	}
	return requests
}

func postOf(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", acceptJSON)
	r.Header.Set("Accept-Encoding", "gzip")
	return r
}

func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func manyNames(n, length int) string {
	return repeat(n, " n%d"+strings.Repeat("e", length))
}

// crossSpreads is n fragments, each spreading all the later ones.
func crossSpreads(n int) string {
	var b strings.Builder
	b.WriteString("{me{...f0}}")
	for i := range n {
		fmt.Fprintf(&b, " fragment f%d on User{id", i)
		for j := i + 1; j < n; j++ {
			fmt.Fprintf(&b, "...f%d", j)
		}
		b.WriteString("}")
	}
	return b.String()
}

// cycle is n fragments in a ring.
func cycle(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " fragment f%d on User{...f%d id}", i, (i+1)%n)
	}
	return b.String()
}

func TestHandler_HostileDocuments(t *testing.T) {
	for name, body := range hostile() {
		if len(body) > 64<<10 {
			t.Errorf("%s: %d bytes are refused before they are read", name, len(body))
		}
	}
	one, err := cputime.Signature()
	if err != nil {
		t.Fatal(err)
	}
	for mode, change := range modes() {
		t.Run(mode, func(t *testing.T) {
			f := newFixture(t, &fakeRoot{}, change)
			f.Handler = web.Gzip(f.Handler)
			var worst time.Duration
			for name, request := range hostileRequests() {
				turn := 0
				least := cputime.Least(3, func() {
					turn++
					f.do(request(turn))
				})
				if n := cputime.Signatures(least, one); n > cputime.Unauthenticated {
					t.Errorf("%s: %v of CPU, as much as %.0f signatures; want at most %d", name, least, n, cputime.Unauthenticated)
				}
				worst = max(worst, least)
			}
			t.Logf("the worst: %v of CPU, as much as %.0f signatures of %v", worst, cputime.Signatures(worst, one), one)
		})
	}
}

// modes are those of a server: production hides the schema.
func modes() map[string]func(*Options) {
	return map[string]func(*Options){"introspection": func(*Options) {}, "production": hideSchema}
}

func BenchmarkHandler_HostileDocuments(b *testing.B) {
	for mode, change := range modes() {
		for name, request := range hostileRequests() {
			b.Run(mode+"/"+name, func(b *testing.B) {
				f := newFixture(b, &fakeRoot{}, change)
				b.ReportAllocs()
				for turn := 0; b.Loop(); turn = (turn + 1) % 500 {
					f.do(request(turn))
				}
			})
		}
	}
}
