package refusal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is the most bytes that a text about one object has.
const MaxText = 1024

// Line returns a text as one line of at most limit bytes. Characters that a
// terminal or a reader would not show as what they are (controls, marks of
// writing direction, broken encoding) are written out. Of a long text its middle
// is left out: an answer begins with what it is about and ends with what is wrong.
func Line(text string, limit int) string {
	// What is cut away is not worth escaping: six bytes are the most that one byte
	// becomes.
	escaped := escape(cut(text, 8*limit))
	return cut(escaped, limit)
}

// escape writes out what does not show.
func escape(text string) string {
	if plain(text) {
		return text
	}
	var b strings.Builder
	space := false
	for i, r := range text {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r == ' ':
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		case r == utf8.RuneError && text[i] != "\uFFFD"[0]:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r <= 0xffff && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
		space = false
	}
	return strings.TrimRight(b.String(), " ")
}

// plain reports that a text shows as it is.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

// cut leaves the middle out of a text that is too long.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	omission := fmt.Sprintf(" … [%d bytes] … ", len(text)-limit)
	room := max(limit-len(omission), 0)
	head, tail := text[:room*3/5], text[len(text)-room*2/5:]
	for len(head) > 0 && !boundary(text, len(head)) {
		head = head[:len(head)-1]
	}
	for len(tail) > 0 && !boundary(text, len(text)-len(tail)) {
		tail = tail[1:]
	}
	return head + omission + tail
}

// boundary reports that a character begins at an index.
func boundary(text string, at int) bool { return at == len(text) || utf8.RuneStart(text[at]) }
