// Package scrub makes the kustomize library's error texts fit to be shown.
package scrub

import "strings"

const maxDetail = 1024

// Text returns the library's text as one bounded line with nothing in it that
// may be a value: the library quotes offending values and whole configurations
// between back-ticks or behind a few known phrases.
func Text(err error, root string, hide []string) string {
	text := strings.ReplaceAll(err.Error(), root+"/", "")
	text = strings.ReplaceAll(text, root, ".")
	for _, secret := range hide {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = dropQuoted(text)
	for _, phrase := range []string{" in object ", " JSON patch from [", "invalid literal source ", "merging config ", "invalid utf8 bytes", "following resource:"} {
		if i := strings.Index(text, phrase); i >= 0 {
			text = text[:i+len(phrase)] + "***"
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}

func dropQuoted(text string) string {
	parts := strings.Split(text, "`")
	var b strings.Builder
	for i, part := range parts {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		b.WriteString("***")
	}
	return b.String()
}
