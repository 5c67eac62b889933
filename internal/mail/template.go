package mail

import (
	"fmt"
	"slices"
	"strings"
)

// A template is a parsed text with placeholders. Its format is a part of
// Mustache: {{name}} is replaced by the value of name. The text between
// {{#name}} and {{/name}} remains only if name has a value, and the text between
// {{^name}} and {{/name}} only if it has none. A line that contains only the
// beginning or the end of such a section is removed.
type template struct{ nodes []node }

// A node is a literal text, a placeholder or a section.
type node struct {
	text     string
	name     string // of a placeholder or a section; empty: a literal text
	section  bool
	inverted bool
	nodes    []node // of a section
}

// A token is a literal text or the content of a pair of braces.
type token struct {
	text string
	tag  bool
	sign byte // of a tag: '#', '^', '/', or 0 for a placeholder
	line int
}

const maxNesting = 8

// parse parses a template that may name only the placeholders in known.
func parse(source string, known []string) (template, error) {
	tokens, err := tokenize(strings.ReplaceAll(source, "\r\n", "\n"))
	if err != nil {
		return template{}, err
	}
	for _, t := range tokens {
		if t.tag && !slices.Contains(known, t.text) {
			return template{}, fmt.Errorf("line %d: there is no placeholder {{%s}} here; there are %s", t.line, t.text, strings.Join(known, ", "))
		}
	}
	nodes, _, err := tree(tokens, token{}, 0)
	return template{nodes: nodes}, err
}

func tokenize(source string) (tokens []token, err error) {
	line := 1
	for {
		before, rest, found := strings.Cut(source, "{{")
		tokens = append(tokens, token{text: before, line: line})
		line += strings.Count(before, "\n")
		if !found {
			return trimLines(tokens), nil
		}
		content, after, closed := strings.Cut(rest, "}}")
		if !closed || strings.Contains(content, "\n") {
			return nil, fmt.Errorf("line %d: {{ has no }} on its line", line)
		}
		t := token{text: strings.TrimSpace(content), tag: true, line: line}
		if t.text != "" && strings.IndexByte("#^/", t.text[0]) >= 0 {
			t.sign, t.text = t.text[0], strings.TrimSpace(t.text[1:])
		}
		tokens = append(tokens, t)
		source = after
	}
}

// trimLines removes the rest of a line that contains only the beginning or the
// end of a section. Texts and tags alternate.
func trimLines(tokens []token) []token {
	trimmed := slices.Clone(tokens)
	for i, t := range tokens {
		if !t.tag || t.sign == 0 {
			continue
		}
		before, after := tokens[i-1].text, tokens[i+1].text
		start := strings.LastIndexByte(before, '\n') + 1
		if strings.TrimSpace(before[start:]) != "" || start == 0 && i > 1 {
			continue
		}
		end := strings.IndexByte(after, '\n')
		if end < 0 && i+2 < len(tokens) || strings.TrimSpace(after[:max(end, 0)]) != "" {
			continue
		}
		trimmed[i-1].text = trimmed[i-1].text[:max(0, len(trimmed[i-1].text)-(len(before)-start))]
		trimmed[i+1].text = after[end+1:]
	}
	return trimmed
}

// tree builds the nodes up to the end of the section that opened begins, and
// returns the tokens after it.
func tree(tokens []token, opened token, depth int) (nodes []node, rest []token, err error) {
	if depth > maxNesting {
		return nil, nil, fmt.Errorf("line %d: sections are nested more than %d times", opened.line, maxNesting)
	}
	for len(tokens) > 0 {
		t := tokens[0]
		tokens = tokens[1:]
		switch {
		case !t.tag:
			nodes = append(nodes, node{text: t.text})
		case t.sign == 0:
			nodes = append(nodes, node{name: t.text})
		case t.sign == '/':
			if !opened.tag || t.text != opened.text {
				return nil, nil, fmt.Errorf("line %d: {{/%s}} ends a section that did not begin here", t.line, t.text)
			}
			return nodes, tokens, nil
		default:
			n := node{name: t.text, section: true, inverted: t.sign == '^'}
			if n.nodes, tokens, err = tree(tokens, t, depth+1); err != nil {
				return nil, nil, err
			}
			nodes = append(nodes, n)
		}
	}
	if opened.tag {
		return nil, nil, fmt.Errorf("line %d: the section {{%c%s}} has no {{/%s}}", opened.line, opened.sign, opened.text, opened.text)
	}
	return nodes, nil, nil
}

// execute returns the text with the values, each changed by escape.
func (t template) execute(values map[string]string, escape func(string) string) string {
	var b strings.Builder
	write(&b, t.nodes, values, escape)
	return b.String()
}

func write(b *strings.Builder, nodes []node, values map[string]string, escape func(string) string) {
	for _, n := range nodes {
		switch value := values[n.name]; {
		case n.name == "":
			b.WriteString(n.text)
		case !n.section:
			b.WriteString(escape(value))
		case (value == "") == n.inverted:
			write(b, n.nodes, values, escape)
		}
	}
}
