// Package spelling guesses what somebody meant who wrote a name that there is
// not. It knows no names.
package spelling

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
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
	d := levenshtein.ComputeDistance(a, b)
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
