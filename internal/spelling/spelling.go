// Package spelling guesses what somebody meant who wrote a name that there is
// not. It knows no names.
package spelling

import (
	"slices"
	"strings"
)

// most is how many letters may be wrong, and never more than a third of them.
// Letters that are all there, in another order, count as one.
const most = 2

// Nearest returns the name that is most like the word, or "" when none is
// close. Case does not count.
func Nearest(word string, names []string) string {
	best, least := "", min(most, len(word)/3)+1
	for _, name := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	return best
}

func distance(a, b string) int {
	d := edits([]rune(a), []rune(b))
	if d == most && letters(a) == letters(b) {
		return 1
	}
	return d
}

func letters(s string) string {
	runes := []rune(s)
	slices.Sort(runes)
	return string(runes)
}

// edits returns the Levenshtein distance: how many characters must be inserted,
// removed or replaced to turn a into b.
func edits(a, b []rune) int {
	row := make([]int, len(b)+1) // from the part of a so far to each part of b
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			if a[i] != b[j] {
				diagonal++
			}
			diagonal, row[j+1] = row[j+1], min(diagonal, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
