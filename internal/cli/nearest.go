package cli

import (
	"slices"
	"strings"
)

// maxTypos is how many letters of a name may be wrong, but at most a third of
// them. Two letters in the wrong order count as one.
const maxTypos = 2

// Nearest returns the name that is most similar to the word, or "" if none is
// similar enough. It ignores case.
func Nearest(word string, names []string) string {
	best, least := "", min(maxTypos, len(word)/3)+1
	for _, name := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance returns the Levenshtein distance of two words, or 1 if they have the
// same letters and only two of them are in the wrong order.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // from the beginning of a to each beginning of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	d := row[len(b)]
	if d == maxTypos && letters(a) == letters(b) {
		return 1
	}
	return d
}

func letters(word string) string {
	sorted := []byte(word)
	slices.Sort(sorted)
	return string(sorted)
}
