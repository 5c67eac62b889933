package auth

import (
	"strings"
	"testing"
)

func TestTrimByteOrderMark(t *testing.T) {
	for name, tt := range map[string]struct{ text, want, err string }{
		"none":        {"a", "a", ""},
		"empty":       {"", "", ""},
		"UTF-8":       {"\ufeffa", "a", ""},
		"only UTF-8":  {"\ufeff", "", ""},
		"twice":       {"\ufeff\ufeffa", "\ufeffa", ""},
		"inside":      {"a\ufeff", "a\ufeff", ""},
		"UTF-16 LE":   {"\xff\xfea\x00", "", "UTF-16"},
		"UTF-16 BE":   {"\xfe\xff\x00a", "", "UTF-16"},
		"UTF-32 LE":   {"\xff\xfe\x00\x00a\x00\x00\x00", "", "UTF-32"},
		"UTF-32 BE":   {"\x00\x00\xfe\xff\x00\x00\x00a", "", "UTF-32"},
		"half a mark": {"\xef\xbba", "\xef\xbba", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := TrimByteOrderMark([]byte(tt.text))
			if string(got) != tt.want || (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q, %v, want %q and an error with %q", got, err, tt.want, tt.err)
			}
		})
	}
}
