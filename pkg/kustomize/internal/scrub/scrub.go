// Package scrub makes the kustomize library's error texts fit to be shown.
//
// The library prints whole objects, configurations and offending values into its
// errors. Of an object only its kind and name remain, of everything else that is
// printed as a structure nothing; and values that are known to be secret are masked
// wherever they are left, in the forms in which they may be written (Secrets).
package scrub

import (
	"regexp"
	"strings"
)

const maxDetail = 1024

// phrases are what the library says before it prints a value or an object as YAML: what
// follows is not shown.
var phrases = []string{" in object ", " JSON patch from [", "invalid literal source ", "merging config ", "invalid utf8 bytes", "following resource:", "node contents:"}

var (
	// pointer is an address in memory, which differs each time.
	pointer = regexp.MustCompile(`\(?\b0x[0-9a-fA-F]{6,}\)?`)
	// yamlLine is a line of an object that is printed as YAML.
	yamlLine = regexp.MustCompile(`^\s*(- |[\w./"'-]+:(\s|$))`)
)

// Text returns the library's text as one bounded line, the same for the same cause,
// with nothing in it that may be a value.
func Text(err error, root string, secrets *Secrets) string {
	text := strings.ReplaceAll(err.Error(), root+"/", "")
	text = strings.ReplaceAll(text, root, ".")
	for _, phrase := range phrases {
		if i := strings.Index(text, phrase); i >= 0 {
			text = text[:i+len(phrase)] + "***"
		}
	}
	text = summarize(withoutYAML(text))
	text = secrets.Mask(text)
	text = strings.Join(strings.Fields(pointer.ReplaceAllString(text, "")), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}

// withoutYAML drops the lines of objects that are printed as YAML. The first line is the
// library's own.
func withoutYAML(text string) string {
	first, rest, more := strings.Cut(text, "\n")
	if !more {
		return text
	}
	kept := []string{first}
	for line := range strings.SplitSeq(rest, "\n") {
		if !yamlLine.MatchString(line) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
