package mail

import (
	"fmt"
	"slices"
	"strings"
)

// attributes returns the placeholders that may be the value of an attribute in
// HTML. rekey itself forms their values, so no user can put another scheme there.
func attributes() []string { return []string{"link", "url", "language"} }

// checkHTML returns an error if escaping a placeholder's value is not enough where
// it is. Values may be in the text between tags. Those of attributes may be
// the whole value of an attribute, in double quotes.
func checkHTML(source string) error {
	tokens, err := tokenize(source)
	if err != nil {
		return err
	}
	if i := strings.Index(strings.ToLower(source), "<script"); i >= 0 {
		return fmt.Errorf("line %d: mails contain no script", 1+strings.Count(source[:i], "\n"))
	}
	var at place
	for i, t := range tokens {
		if !t.tag {
			at.read(t.text)
			continue
		}
		whole := i > 0 && strings.HasSuffix(tokens[i-1].text, `="`) && strings.HasPrefix(tokens[i+1].text, `"`)
		attribute := at == place{tag: true, quote: '"'} && t.sign == 0 && whole && slices.Contains(attributes(), t.text)
		if at != (place{}) && !attribute {
			return fmt.Errorf("line %d: {{%s}} may be in the text only; in a tag, there may be %s as the whole value of an attribute in double quotes",
				t.line, t.text, strings.Join(attributes(), ", "))
		}
	}
	return nil
}

// A place describes where in a page of HTML a reader is. The zero value is in
// the text.
type place struct {
	tag   bool   // in a tag
	quote byte   // of the attribute's value in the tag, or 0
	until string // in a comment or a style, the text that ends it
}

func (p *place) read(text string) {
	for i := 0; i < len(text); i++ {
		rest := strings.ToLower(text[i:min(len(text), i+len("</style"))])
		switch c := text[i]; {
		case p.until != "":
			if strings.HasPrefix(rest, p.until) {
				*p = place{tag: p.until != "-->"}
			}
		case p.quote != 0:
			if c == p.quote {
				p.quote = 0
			}
		case p.tag:
			switch c {
			case '>':
				p.tag = false
			case '"', '\'':
				p.quote = c
			}
		case strings.HasPrefix(rest, "<!--"):
			p.until = "-->"
		case strings.HasPrefix(rest, "<style"):
			p.until = "</style"
		case c == '<':
			p.tag = true
		}
	}
}
