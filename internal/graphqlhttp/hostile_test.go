package graphqlhttp

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// worst is how much CPU one request may take.
const worst = 100 * time.Millisecond

// hostile are bodies of up to 64 KiB that take a server without limits long.
// Each stays just within ours where it can.
func hostile() map[string]string {
	document := func(query string) string {
		body, _ := json.Marshal(map[string]any{"query": query})
		return string(body)
	}
	return map[string]string{
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
		"introspection":         document(introspection),
		"deep introspection":    document(`{__schema{types{fields{type{fields{type{fields{name}}}}}}}}`),
		"wide introspection":    document(`{__schema{types{fields{args{type{name kind description` + aliased("name", 13) + `}}}}}}`),
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
	}
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
	f := newFixture(&fakeRoot{})
	for name, body := range hostile() {
		if len(body) > 64<<10 {
			t.Fatalf("%s: %d bytes", name, len(body))
		}
		least := time.Hour
		for range 3 { // the least of three: the machine has other things to do
			before := cpuTime(t)
			f.post(acceptJSON, body)
			least = min(least, cpuTime(t)-before)
		}
		if limit := worst * raceFactor; least > limit {
			t.Errorf("%s: %v of CPU, want at most %v", name, least, limit)
		}
	}
}

// cpuTime is what this process has used so far.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func BenchmarkHandler_HostileDocuments(b *testing.B) {
	for name, body := range hostile() {
		b.Run(name, func(b *testing.B) {
			f := newFixture(&fakeRoot{})
			b.ReportAllocs()
			for b.Loop() {
				f.post(acceptJSON, body)
			}
		})
	}
}
