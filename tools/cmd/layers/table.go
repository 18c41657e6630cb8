package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// table is tools/layers.txt as values.
type table struct {
	module   string
	layers   []*layer
	only     []arrow // library -> the packages that may import it
	never    []arrow // packages -> what they may not import, whatever their layer allows
	heavy    patterns
	contains []arrow // binaries -> the heavy libraries they may contain
}

// layer is what some packages may import.
type layer struct {
	name, is, instead string
	line              int
	holds, planned    patterns
	layers            []string
	packages          patterns
	libraries         patterns // nil allows every library
	never             patterns
	tests             bool
	also, until       []arrow
}

// arrow is a line "left -> right: reason".
type arrow struct {
	line        int
	left, right patterns
	reason      string
	used        bool
}

// entry is one line of the table, with those that continue it.
type entry struct {
	line       int
	inner      bool
	key, value string
}

// parse reads a table. Errors begin with the number of the line.
func parse(text string) (*table, error) {
	t := &table{}
	var current *layer
	for _, e := range entries(text) {
		var err error
		switch {
		case !e.inner && e.key == "layer":
			current = &layer{name: e.value, line: e.line}
			t.layers = append(t.layers, current)
		case !e.inner:
			current = nil
			err = t.set(e)
		case current == nil:
			err = errors.New("this line belongs to no layer")
		default:
			err = current.set(e)
		}
		if err != nil {
			return nil, fmt.Errorf("%d: %w", e.line, err)
		}
	}
	return t, t.complete()
}

// entries cuts a text into lines "key value"; a line indented twice continues the one before.
func entries(text string) []entry {
	var out []entry
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if strings.HasPrefix(line, "\t\t") && len(out) > 0 {
			out[len(out)-1].value += " " + trimmed
			continue
		}
		key, value, _ := strings.Cut(trimmed, " ")
		out = append(out, entry{line: i + 1, inner: line[0] == '\t', key: key, value: strings.TrimSpace(value)})
	}
	return out
}

func (t *table) set(e entry) error {
	switch e.key {
	case "module":
		t.module = e.value
		return nil
	case "heavy":
		return t.heavy.add(e)
	case "only":
		return addArrow(&t.only, e)
	case "never":
		return addArrow(&t.never, e)
	case "contains":
		return addArrow(&t.contains, e)
	}
	return fmt.Errorf("unknown key %q", e.key)
}

func (l *layer) set(e entry) error {
	switch e.key {
	case "is":
		l.is = e.value
	case "instead":
		l.instead = e.value
	case "holds":
		return l.holds.add(e)
	case "planned":
		return l.planned.add(e)
	case "layers":
		l.layers = strings.Fields(e.value)
	case "packages":
		return l.packages.add(e)
	case "libraries":
		if e.value == "any" {
			return nil
		}
		l.libraries = patterns{}
		if e.value == "none" {
			return nil
		}
		return l.libraries.add(e)
	case "never":
		return l.never.add(e)
	case "tests":
		l.tests = e.value == "too"
	case "also":
		return addArrow(&l.also, e)
	case "until":
		return addArrow(&l.until, e)
	default:
		return fmt.Errorf("unknown key %q", e.key)
	}
	return nil
}

func addArrow(to *[]arrow, e entry) error {
	value, reason, _ := strings.Cut(e.value, ": ")
	left, right, found := strings.Cut(value, "->")
	if !found || reason == "" {
		return fmt.Errorf("%q is not \"left -> right: reason\"", e.value)
	}
	a := arrow{line: e.line, reason: strings.TrimSpace(reason)}
	err := errors.Join(a.left.add(entry{line: e.line, value: left}), a.right.add(entry{line: e.line, value: right}))
	*to = append(*to, a)
	return err
}

// complete checks what can only be checked of the whole table.
func (t *table) complete() error {
	if t.module == "" {
		return errors.New("1: the line \"module\" is missing")
	}
	names := []string{}
	for _, l := range t.layers {
		names = append(names, l.name)
	}
	for _, l := range t.layers {
		if l.is == "" || l.instead == "" || len(l.holds)+len(l.planned) == 0 {
			return fmt.Errorf("%d: the layer %s lacks is, instead or holds", l.line, l.name)
		}
		for _, name := range l.layers {
			if !slices.Contains(names, name) {
				return fmt.Errorf("%d: the layer %s names the layer %q, which does not exist", l.line, l.name, name)
			}
		}
	}
	return nil
}
