package main

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/capstan-gitops/capstan/tools/internal/walk"
)

// finding is a word that was replaced, or a number that readers cannot look up.
type finding struct {
	file          string
	line          int
	what, instead string
}

func (f finding) String() string {
	return fmt.Sprintf("%s:%d: %q: say %s", f.file, f.line, f.what, f.instead)
}

// reads reports which files hold what people read. The list itself and what was generated elsewhere are left out.
func reads(rel string) bool {
	switch {
	case rel == listFile, strings.HasPrefix(path.Base(rel), "zz_generated"):
		return false
	}
	return slices.Contains([]string{".go", ".md"}, path.Ext(rel)) ||
		slices.Contains([]string{"Makefile", ".golangci.yml", ".ci/run", "tools/layers.txt"}, rel)
}

// check returns what stands in the tree and should not, and the exceptions that nothing needs.
func (l *list) check(root string) ([]string, error) {
	var found []finding
	err := walk.Files(root, func(name, rel string) error {
		if !reads(rel) {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		in, err := l.file(name, rel, content)
		found = append(found, in...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	var out []string
	for _, f := range found {
		if !l.excused(f) {
			out = append(out, f.String())
		}
	}
	for _, e := range l.allowed {
		if !e.used {
			out = append(out, fmt.Sprintf("%s:%d: %q leaves out nothing; remove the line", listFile, e.line, e.text))
		}
	}
	return out, nil
}

// file returns everything that one file should not say, in order.
func (l *list) file(name, rel string, content []byte) ([]finding, error) {
	all, err := pieces(name, rel, content)
	if err != nil {
		return nil, err
	}
	var out []finding
	for _, p := range all {
		words := p.tokens()
		for i := range words {
			if f := l.match(words[i:]); f != nil && f.instead != fine {
				out = append(out, finding{file: rel, line: words[i].line, what: f.text, instead: f.instead})
			}
		}
		if p.name {
			continue
		}
		for n, line := range strings.Split(p.text, "\n") {
			for _, c := range l.citations {
				if c.expr.MatchString(line) {
					out = append(out, finding{file: rel, line: p.line + n, what: c.name, instead: c.instead})
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b finding) int { return a.line - b.line })
	return slices.Compact(out), nil
}

// match returns the longest form that the words begin with.
func (l *list) match(words []word) *form {
	forms := l.prose
	if words[0].name {
		forms = l.names
	}
	var best *form
	for _, f := range forms[words[0].text] {
		if f.begins(words) && (best == nil || len(f.words) > len(best.words)) {
			best = f
		}
	}
	return best
}

// begins reports whether words begin with the form, within one sentence.
func (f *form) begins(words []word) bool {
	if len(words) < len(f.words) || f.whole && !words[0].whole {
		return false
	}
	for i, w := range f.words {
		if words[i].text != w || i > 0 && words[i].gap {
			return false
		}
	}
	return true
}

// excused looks for an exception, and notes that it is needed.
func (l *list) excused(f finding) bool {
	for _, e := range l.allowed {
		if e.files.MatchString(f.file) && (e.forms == nil || slices.Contains(e.forms, f.what)) {
			e.used = true
			return true
		}
	}
	return false
}
