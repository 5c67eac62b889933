package auth

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxNameRunes = 200
	maxReason    = 200 // code points
)

// personName returns the trimmed name of a person.
func personName(raw string) (string, error) {
	name := strings.TrimSpace(raw)
	if !visibleName(name, maxNameRunes) {
		return "", BadInput("name", fmt.Sprintf(nameRule, maxNameRunes))
	}
	return name, nil
}

// plainTextRule describes, for messages, the characters that plainText accepts.
const plainTextRule = "none of them a control character, one that sets the direction of text, or a zero-width space"

// nameRule describes, for messages, what visibleName accepts. It takes the limit.
const nameRule = "name must have 1 to %d characters, at least one of them visible, " + plainTextRule

// plainText reports whether s is valid UTF-8 with at most limit code points, and
// no character that hides or reorders the text next to it.
func plainText(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && !strings.ContainsFunc(s, deceives)
}

// visibleName reports whether s is plain text that a reader can see.
func visibleName(s string, limit int) bool {
	return plainText(s, limit) && strings.ContainsFunc(s, visible)
}

// deceives reports whether a character hides or reorders text. It accepts the
// joiners U+200C and U+200D, which Persian and Indic names and emoji need.
func deceives(r rune) bool {
	const space, wordJoiner, byteOrderMark = '\u200b', '\u2060', '\ufeff' // all without width
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) ||
		r == space || r == wordJoiner || r == byteOrderMark
}

// visible reports whether a character has ink of its own. A combining mark has
// none, because it needs a character that it combines with.
func visible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !blank(r)
}

// blank reports whether a character has no ink although its category does not
// say so: the ones that Unicode names Default_Ignorable_Code_Point, and blanks
// and fillers of single scripts.
func blank(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, scriptBlanks)
}

// scriptBlanks has the characters without ink, or with no meaning, that no property
// of Unicode lists.
var scriptBlanks = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x2800, Hi: 0x2800, Stride: 1}, // braille pattern blank
		{Lo: 0x2d7f, Hi: 0x2d7f, Stride: 1}, // tifinagh consonant joiner
		{Lo: 0xfffc, Hi: 0xfffd, Stride: 1}, // replacements of an object and of a character
	},
	R32: []unicode.Range32{
		{Lo: 0x1107f, Hi: 0x1107f, Stride: 1}, // brahmi number joiner
		{Lo: 0x13441, Hi: 0x13442, Stride: 1}, // egyptian hieroglyph blanks
		{Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, // khitan small script filler
		{Lo: 0x1d159, Hi: 0x1d159, Stride: 1}, // musical symbol null notehead
	},
}

// invisible reports whether a character can make two different addresses look
// the same: it has no ink, or no meaning that all systems share.
func invisible(r rune) bool {
	// C: control, format, private use, surrogate and unassigned code points.
	return unicode.In(r, unicode.C, unicode.Cn, unicode.Z) || blank(r)
}
