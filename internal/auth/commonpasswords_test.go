package auth

import (
	"sort"
	"strings"
	"testing"
)

func TestIsCommonPassword(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(commonPasswords, "\n"), "\n")
	if len(lines) < 3000 || !sort.StringsAreSorted(lines) {
		t.Fatalf("%d lines, sorted: %v", len(lines), sort.StringsAreSorted(lines))
	}
	for _, common := range lines {
		if len(common) < 8 || !isCommonPassword(common) || !isCommonPassword(strings.ToUpper(common)) {
			t.Fatalf("%q is in the list and not found, or too short", common)
		}
		if isCommonPassword(common[:7]) || isCommonPassword(common+" ") || isCommonPassword(" "+common) {
			t.Fatalf("something like %q is found", common)
		}
	}
	for _, rare := range []string{"", "correct horse", "~~~~~~~~", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x00", lines[0] + "\n" + lines[1]} {
		if isCommonPassword(rare) {
			t.Errorf("%q is found", rare)
		}
	}
}
