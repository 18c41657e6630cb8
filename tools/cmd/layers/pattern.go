package main

import (
	"fmt"
	"regexp"
	"strings"
)

// pattern matches paths of packages. A star stands for anything within one element,
// "/..." at the end for everything below as well.
type pattern struct {
	text string
	line int
	expr *regexp.Regexp
	used bool
}

type patterns []*pattern

// add reads patterns with blanks between them; "none" is none.
func (p *patterns) add(e entry) error {
	for _, text := range strings.Fields(e.value) {
		if text == "none" {
			continue
		}
		base, below := strings.CutSuffix(text, "/...")
		if strings.Contains(base, "...") {
			return fmt.Errorf("%q: three dots stand at the end, after a slash", text)
		}
		expr := "^(" + strings.ReplaceAll(regexp.QuoteMeta(base), `\*`, "[^/]*") + ")"
		if below {
			expr += "(/.*)?"
		}
		*p = append(*p, &pattern{text: text, line: e.line, expr: regexp.MustCompile(expr + "$")})
	}
	return nil
}

// match returns the first pattern that matches, or nil, and notes that it is needed.
func (p patterns) match(name string) *pattern {
	for _, one := range p {
		if one.expr.MatchString(name) {
			one.used = true
			return one
		}
	}
	return nil
}

// family is the part of a name that a pattern spells out: packages with the same one
// belong together and may import each other.
func (p *pattern) family(name string) string {
	if m := p.expr.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}

// String returns the patterns as the table spells them.
func (p patterns) String() string {
	words := []string{}
	for _, one := range p {
		words = append(words, one.text)
	}
	return strings.Join(words, " ")
}
