package main

import (
	"fmt"
	"slices"
	"strings"
)

// place is the layer of a package and the pattern that put it there.
type place struct {
	layer *layer
	by    *pattern
}

// check returns what breaks the table in direct imports, and what the table has too much.
func (t *table) check(packages []*pkg) []string {
	var out []string
	places := map[string]place{}
	for _, p := range packages {
		found := t.find(p.path)
		switch {
		case len(found) == 1:
			places[p.path] = found[0]
		case len(found) == 0:
			out = append(out, fmt.Sprintf("%s: belongs to no layer; add it to \"holds\" of the layer in %s that it is to obey", p.path, tableFile))
		default:
			out = append(out, fmt.Sprintf("%s: belongs to the layers %s and %s; narrow one of the patterns %q and %q in %s",
				p.path, found[0].layer.name, found[1].layer.name, found[0].by.text, found[1].by.text, tableFile))
		}
	}
	for _, p := range packages {
		for _, u := range p.imports {
			if broken := t.broken(places, p, u); broken != "" {
				out = append(out, fmt.Sprintf("%s:%d: %s imports %s: %s", u.file, u.line, p.path, u.path, broken))
			}
		}
	}
	return append(out, t.needless()...)
}

// find returns every layer that holds a package.
func (t *table) find(path string) []place {
	var out []place
	for _, l := range t.layers {
		for _, p := range slices.Concat(l.holds, l.planned) {
			if p.expr.MatchString(path) {
				p.used = true
				out = append(out, place{l, p})
			}
		}
	}
	return out
}

// broken returns the rule that an import breaks and what to do, or nothing.
func (t *table) broken(places map[string]place, p *pkg, u use) string {
	at, placed := places[p.path]
	if !placed || u.test && !at.layer.tests {
		return ""
	}
	to, ours := t.local(u.path)
	if !ours {
		to = u.path
	}
	if reason := t.everywhere(p, u, to); reason != "" {
		if excused(at.layer.until, p.path, to) {
			return ""
		}
		return reason
	}
	return at.layer.broken(at, places[to], p.path, to, ours)
}

// everywhere checks the rules that hold for every layer.
func (t *table) everywhere(p *pkg, u use, to string) string {
	for _, a := range t.never {
		if a.left.match(p.path) != nil && a.right.match(to) != nil {
			return fmt.Sprintf("%s may not import %s: %s", a.left, a.right, a.reason)
		}
	}
	for _, a := range t.only {
		if !u.test && a.left.match(to) != nil && a.right.match(p.path) == nil {
			return fmt.Sprintf("only %s may import %s: %s", a.right, a.left, a.reason)
		}
	}
	return ""
}

// broken returns the rule of the layer that an import breaks and what to do, or nothing.
func (l *layer) broken(at, target place, from, to string, ours bool) string {
	rule := ""
	switch {
	case l.never.match(to) != nil:
		rule = fmt.Sprintf("layer %s never imports %s", l.name, l.never)
	case ours && !l.mayOurs(at, target, from, to):
		rule = fmt.Sprintf("layer %s may import of ours: layers [%s], packages [%s]; this is layer %s",
			l.name, strings.Join(l.layers, " "), l.packages, target.name())
	case !ours && l.libraries != nil && !standard(to) && l.libraries.match(to) == nil:
		rule = fmt.Sprintf("layer %s may import the libraries [%s]", l.name, l.libraries)
	}
	if rule == "" || excused(l.also, from, to) || excused(l.until, from, to) {
		return ""
	}
	return rule + ". " + l.is + " Instead: " + l.instead
}

func (l *layer) mayOurs(at, target place, from, to string) bool {
	family := at.by.family(from)
	return to == family || strings.HasPrefix(to, family+"/") ||
		target.layer != nil && slices.Contains(l.layers, target.layer.name) ||
		l.packages.match(to) != nil
}

func (p place) name() string {
	if p.layer == nil {
		return "unknown"
	}
	return p.layer.name
}

// excused looks for an exception and notes that it is needed.
func excused(exceptions []arrow, from, to string) bool {
	for i := range exceptions {
		if a := &exceptions[i]; a.left.match(from) != nil && a.right.match(to) != nil {
			a.used = true
			return true
		}
	}
	return false
}

// standard reports whether a package is of the standard library: the first element of their path has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// needless returns the lines of the table that match nothing.
func (t *table) needless() []string {
	var out []string
	say := func(line int, what string) {
		out = append(out, fmt.Sprintf("%s:%d: %s; remove it", tableFile, line, what))
	}
	for _, l := range t.layers {
		for _, p := range l.holds {
			if !p.used {
				say(p.line, fmt.Sprintf("%q holds no package", p.text))
			}
		}
		for _, a := range slices.Concat(l.also, l.until) {
			if !a.used {
				say(a.line, fmt.Sprintf("the exception \"%s -> %s\" is not needed", a.left, a.right))
			}
		}
	}
	return out
}
