package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A wording is an expression that readers from other countries stumble over.
type wording struct {
	hints   []string // the pattern matches only texts that contain one of these
	pattern *regexp.Regexp
	unless  *regexp.Regexp // matches whose surroundings match this are plain English
	instead string
}

func avoid(hints, pattern, instead string) wording {
	return wording{hints: strings.Split(hints, "|"), pattern: regexp.MustCompile(`\b(?:` + pattern + `)\b`), instead: instead}
}

func (w wording) but(unless string) wording {
	w.unless = regexp.MustCompile(unless)
	return w
}

// wordings are the expressions that comments, messages and pages avoid, in
// lower case, each with what to write.
var wordings = []wording{
	avoid("astray", `astray`, "skewed"),
	avoid("told|tell", `told|tells?|telling`, "report, return, log, send, record, show"),
	avoid("by and by", `by and by`, "later, gradually"),
	avoid("of before", `of before`, "previous"),
	avoid("of then", `of then`, "of that time"),
	avoid("now and again", `now and again`, "sometimes, every N seconds"),
	avoid("for ever", `for ever`, "forever"),
	avoid(" again", `(?:come|comes|came|coming) again`, "retry, return, reconnect"),
	avoid("worth nothing", `worth nothing`, "invalid"),
	avoid("whoever|whomever|whosever", `whoever|whomever|whosever`, "the client that, anyone who"),
	avoid(" none", `(?:is|are|was|were) none`, "there is no").
		but(`(?:there|if|each|when) (?:is|are|was|were) none|if none `),
	avoid(" no ", `(?:is|are|was|were) no \w+`, "is not a, there is no").
		but(`there (is|are|was|were) no |no (longer|more|less|other)\b|no \w+er than`),
	avoid("mend", `mend(?:s|ed|ing)?`, "repair, fix, resolve"),
	avoid("bear|borne", `borne|bears?`, "carry, tolerate"),
	avoid("for want of", `for want of`, "for lack of, because there is no"),
	avoid("no good|good no more", `good no more|(?:is|are|was|were) no good`, "invalid, no longer valid"),
	avoid("no more", `no more than`, "at most"),
	avoid("no more", `no more[.,;:)]`, "no longer"),
	avoid("bid|goodbye", `bid|goodbye`, "drain"),
	avoid("what it takes", `what it takes`, "what is needed"),
	avoid("door", `doors?`, "transport"),
	avoid("room|house", `rooms?|houses?`, "package, architecture, space"),
	avoid("doubt", `doubts?`, "invalidation").but(`in doubt`),
	avoid(" away", `(?:is|are|was|were|be|been) away`, "is unreachable").but(`you were away`),
	avoid("stand|stood", `stands?|stood`, "is, remains, is written").but(`stands? (for|alone|still)|stand-in`),
	avoid("but for", `but for`, "except").but(`not .* but for`),
	avoid("as well", `as well[.;]`, "also, too"),
	avoid("anew", `anew`, "again"),
	avoid("heed", `heed(?:s|ed|ing)?`, "follow, obey, apply"),
	avoid("hear", `hears?|heard`, "receive, be notified"),
	avoid("notice", `notices?`, "change (an event), detect (a verb)").but(`file notice`),
	avoid("trouble", `trouble`, "problem, failure, health"),
	avoid("untold", `untold`, "logcheck"),
	avoid("settle", `settle[sd]`, "resolve"),
	avoid("vouch", `vouch(?:es|ed)?`, "trust, confirm"),
	avoid("veil", `veil(?:s|ed)?`, "redact"),
	avoid("lest", `lest`, "so that ... not"),
	avoid("betimes|unto|oneself|naught|nought", `betimes|unto|oneself|naught|nought`, "plain words"),
	{hints: []string{"who "}, pattern: regexp.MustCompile(`(?:^|[.;:] )who [^.?\x00]*\.(?: |$)`), unless: regexp.MustCompile(`^who returns`), instead: "name the actor: clients that ..."},
	{hints: []string{"whatever "}, pattern: regexp.MustCompile(`(?:^|[.;:] )whatever [^.?\x00]*\.(?: |$)`), instead: "name the thing: everything that ..."},
}

func (w wording) hinted(text string) bool {
	return slices.ContainsFunc(w.hints, func(hint string) bool { return strings.Contains(text, hint) })
}

// definition matches a doc comment that defines its name by a clause.
var definition = regexp.MustCompile(`^\S+ (?:is|are) (?:what|how|that|who|whether|why|where|when)\b`)

// quantity matches a doc comment of a number, as in "timeout is how long ...".
var quantity = regexp.MustCompile(`^\S+ is how (?:long|many|much|often|far) `)

// read returns the wordings to avoid in text, which begins at the given line
// of the file.
func read(path string, line int, text string) []finding {
	var findings []finding
	// A line break counts as a space, so that expressions are found across it.
	// The end of a paragraph does not.
	flat := strings.ToLower(strings.NewReplacer("\n\n", "\x00\x00", "\n", " ").Replace(text))
	for _, w := range wordings {
		if !w.hinted(flat) {
			continue
		}
		for _, at := range w.pattern.FindAllStringIndex(flat, -1) {
			context := flat[max(0, at[0]-25):min(len(flat), at[1]+15)]
			if w.unless != nil && w.unless.MatchString(context) {
				continue
			}
			findings = append(findings, finding{
				path: path, line: line + strings.Count(text[:at[0]], "\n"),
				problem: fmt.Sprintf("%q: write instead: %s", strings.TrimSpace(flat[at[0]:at[1]]), w.instead),
			})
		}
	}
	return findings
}

// english returns what is not plain English in the comments and the messages
// of a Go file. A message is a string with a space in it.
func english(f GoFile) []finding {
	var findings []finding
	for _, group := range f.Syntax.Comments {
		var text strings.Builder
		for _, comment := range group.List {
			text.WriteString(strings.TrimPrefix(strings.TrimPrefix(comment.Text, "//"), " ") + "\n")
		}
		findings = append(findings, read(f.Path, f.Set.Position(group.Pos()).Line, text.String())...)
	}
	ast.Inspect(f.Syntax, func(node ast.Node) bool {
		literal, ok := node.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		if text, err := strconv.Unquote(literal.Value); err == nil && strings.Contains(text, " ") {
			findings = append(findings, read(f.Path, f.Set.Position(literal.Pos()).Line, text)...)
		}
		return true
	})
	for _, d := range declarations(f) {
		if definition.MatchString(d.doc) && !quantity.MatchString(d.doc) {
			findings = append(findings, finding{f.Path, d.line,
				fmt.Sprintf("the comment of %s: write what it does, returns or holds, instead of \"is what\", \"is how\", \"is that\"", d.name)})
		}
	}
	return findings
}

// A declaration is a name that a file declares at its top level.
type declaration struct {
	name, doc string
	line      int
}

func declarations(f GoFile) []declaration {
	var found []declaration
	add := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		d := declaration{name: name.Name, line: f.Set.Position(name.Pos()).Line}
		for _, doc := range docs {
			if d.doc == "" {
				d.doc = doc.Text()
			}
		}
		found = append(found, d)
	}
	for _, declared := range f.Syntax.Decls {
		switch declared := declared.(type) {
		case *ast.FuncDecl:
			add(declared.Name, declared.Doc)
		case *ast.GenDecl:
			for _, spec := range declared.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					add(spec.Name, spec.Doc, declared.Doc)
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						add(name, spec.Doc, spec.Comment, declared.Doc)
					}
				}
			}
		}
	}
	return found
}

var notProse = regexp.MustCompile("(?s)```.*?```|`[^`\\n]*`|\\]\\([^)]*\\)")

// prose returns a page without what is not English in it: code, and the
// targets of links. Lines stay where they are.
func prose(page string) string {
	return notProse.ReplaceAllStringFunc(page, func(code string) string {
		return "`" + strings.Repeat("\n", strings.Count(code, "\n"))
	})
}

// descriptions returns the descriptions and comments of a schema. Lines stay
// where they are.
func descriptions(schema string) string {
	var text strings.Builder
	inBlock := false
	for line := range strings.Lines(schema) {
		trimmed := strings.TrimSpace(line)
		english := inBlock || strings.HasPrefix(trimmed, `"`) || strings.HasPrefix(trimmed, "#")
		if strings.Count(trimmed, `"""`) == 1 {
			inBlock = !inBlock
		}
		if english {
			text.WriteString(trimmed)
		}
		text.WriteString("\n")
	}
	return text.String()
}

// TestEnglish reads all comments, messages, pages and descriptions for
// expressions that are not plain English.
func TestEnglish(t *testing.T) {
	var findings []finding
	for _, f := range goFiles(t) {
		if f.Path != "internal/arch/english_test.go" {
			findings = append(findings, english(f)...)
		}
	}
	for path, page := range documents(t, ".md") {
		findings = append(findings, read(path, 1, prose(page))...)
	}
	for path, schema := range documents(t, ".graphqls") {
		findings = append(findings, read(path, 1, descriptions(schema))...)
	}
	report(t, findings, allowedEnglish)
}
