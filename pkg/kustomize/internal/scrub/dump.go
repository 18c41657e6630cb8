package scrub

import (
	"encoding/json"
	"regexp"
	"strings"
)

const (
	// elided stands for what is not shown.
	elided = "***"
	// maxDepth bounds how deep structures are looked into; what is deeper is dropped with
	// what holds it.
	maxDepth = 50
)

var (
	// harmless is what the library writes in brackets of its own accord: the parts of an
	// identity that are missing, and positions.
	harmless = regexp.MustCompile(`^(no[A-Z][A-Za-z]*|\d*)$`)
	// files are names of files.
	files = regexp.MustCompile(`^[A-Za-z0-9._/-]+\.[a-z]+( [A-Za-z0-9._/-]+\.[a-z]+)*$`)
	// subjects are the names of objects, as a structure is replaced by them.
	subjects = regexp.MustCompile(`^([A-Za-z0-9]+(/[A-Za-z0-9.:-]+){1,2}[\s,]*)+$`)
	// goKind and goName are fields of an identity as Go prints it.
	goKind = regexp.MustCompile(`\bKind:"([A-Za-z0-9]+)"`)
	goName = regexp.MustCompile(`\bName:"([A-Za-z0-9.-]+)"`)
	goType = regexp.MustCompile(`[&*]?[A-Za-z0-9_.]*$`)
)

// closing is what ends a structure that a character begins.
var closing = map[byte]byte{'{': '}', '[': ']', '`': '`'}

// summarize replaces what is printed as a structure: an object by its kind and name,
// anything else by ***.
func summarize(text string) string { return summarizeWithin(text, 0) }

func summarizeWithin(text string, depth int) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		end, ok := closing[text[i]]
		if !ok {
			b.WriteByte(text[i])
			i++
			continue
		}
		length := extent(text[i:], text[i], end)
		inner := strings.TrimSuffix(text[i+1:i+length], string(end))
		switch {
		case depth > maxDepth || text[i] == '`':
			b.WriteString(elided)
		case text[i] == '{':
			before := b.String()
			kept := strings.TrimSuffix(before, goType.FindString(before)) // the name of a Go type
			b.Reset()
			b.WriteString(kept)
			b.WriteString(subjectOf(text[i : i+length]))
		default:
			b.WriteString(bracketed(inner, depth))
		}
		i += length
	}
	return b.String()
}

// extent is how long the structure is that text begins with. One that does not end goes
// to the end of the text.
func extent(text string, begin, end byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"' && begin != '`':
			quoted = !quoted
		case quoted:
		case begin == end && i > 0 && c == end:
			return i + 1
		case begin != end && c == begin:
			depth++
		case begin != end && c == end:
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// subjectOf names the object that is printed as JSON or as Go's fields.
func subjectOf(structure string) string {
	var object struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(structure), &object); err == nil && object.Kind != "" && object.Metadata.Name != "" {
		parts := []string{object.Kind, object.Metadata.Namespace, object.Metadata.Name}
		if object.Metadata.Namespace == "" {
			parts = []string{object.Kind, object.Metadata.Name}
		}
		if subject := strings.Join(parts, "/"); subjects.MatchString(subject) {
			return subject
		}
		return elided
	}
	kind, name := goKind.FindStringSubmatch(structure), goName.FindStringSubmatch(structure)
	if kind != nil && name != nil {
		return kind[1] + "/" + name[1]
	}
	return elided
}

// bracketed shows what is between brackets if it is the library's own, or names objects.
func bracketed(inner string, depth int) string {
	if harmless.MatchString(inner) || files.MatchString(inner) {
		return "[" + inner + "]"
	}
	if text := strings.TrimSpace(summarizeWithin(inner, depth+1)); subjects.MatchString(text) && strings.Contains(inner, "{") {
		return "[" + strings.Join(strings.Fields(text), " ") + "]"
	}
	return "[" + elided + "]"
}
