package mail

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	known := []string{"name", "link"}
	values := map[string]string{"link": "https://a.example/#t"}
	tests := map[string]struct{ source, want string }{
		"a placeholder":             {"a {{link}} b", "a https://a.example/#t b"},
		"spaces in braces":          {"{{ link }}", "https://a.example/#t"},
		"a section with a value":    {"{{#link}}x{{/link}}y", "xy"},
		"a section without a value": {"{{#name}}x{{/name}}y", "y"},
		"an inverted section":       {"{{^name}}x{{/name}}{{^link}}z{{/link}}", "x"},
		"lines of sections vanish":  {"a\n{{#link}}\nb\n  {{/link}}  \nc\n", "a\nb\nc\n"},
		"a section in a line stays": {"a {{#link}}b{{/link}} c\n", "a b c\n"},
		"the first and last line":   {"{{#link}}\nb\n{{/link}}", "b\n"},
		"nested sections":           {"{{#link}}{{^name}}x{{/name}}{{/link}}", "x"},
		"line breaks of Windows":    {"a\r\n{{#link}}\r\nb\r\n{{/link}}\r\n", "a\nb\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			parsed, err := parse(tt.source, known)
			if err != nil {
				t.Fatal(err)
			}
			if got := parsed.execute(values, asIs); got != tt.want {
				t.Errorf("execute = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParse_errors(t *testing.T) {
	tests := map[string]struct{ source, want string }{
		"an unknown placeholder":   {"a\n{{lnk}}", "line 2: there is no placeholder {{lnk}} here; there are name, link"},
		"an unknown section":       {"{{#lnk}}{{/lnk}}", "no placeholder {{lnk}}"},
		"braces without an end":    {"a\n\n{{link", "line 3: {{ has no }}"},
		"braces over two lines":    {"{{li\nnk}}", "line 1: {{ has no }}"},
		"a section without an end": {"\n{{#name}}", "line 2: the section {{#name}} has no {{/name}}"},
		"an end without a section": {"{{/name}}", "ends a section that did not begin here"},
		"crossed sections":         {"{{#name}}{{#link}}{{/name}}{{/link}}", "{{/name}} ends a section that did not begin here"},
		"deep nesting":             {strings.Repeat("{{#name}}", 1000), "nested more than 8 times"},
		"nothing in braces":        {"{{}}", "no placeholder {{}}"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tt.source, []string{"name", "link"})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parse = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCheckHTML(t *testing.T) {
	tests := map[string]struct {
		source string
		valid  bool
	}{
		"a value in the text":        {`<p>{{name}}</p>`, true},
		"a link in an attribute":     {`<a class="b" href="{{link}}">x</a>{{name}}`, true},
		"a name in an attribute":     {`<a href="{{name}}">x</a>`, false},
		"a part of an attribute":     {`<a href="x?{{link}}">x</a>`, false},
		"a link in single quotes":    {`<a href='{{link}}'>x</a>`, false},
		"a link without quotes":      {`<a href={{link}}>x</a>`, false},
		"a value in a tag":           {`<a {{name}}>x</a>`, false},
		"a section in a tag":         {`<a {{#name}}b{{/name}}>x</a>`, false},
		"a value in a style":         {`<style>a { color: {{name}} }</style>`, false},
		"a value after a style":      {`<style>a > b { color: red }</style>{{name}}`, true},
		"a value in a comment":       {`<!-- > {{name}} -->`, false},
		"a value after a comment":    {`<!-- " -->{{name}}`, true},
		"a > in a quoted attribute":  {`<a title=">">{{name}}</a>`, true},
		"a value after a quoted >":   {`<a title="> {{name}}">x</a>`, false},
		"a script":                   {`<SCRIPT>1</SCRIPT>`, false},
		"a link that looks enclosed": {`<p>="{{name}}"</p>`, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := checkHTML(tt.source); (err == nil) != tt.valid {
				t.Errorf("checkHTML = %v, want valid: %v", err, tt.valid)
			}
		})
	}
}
