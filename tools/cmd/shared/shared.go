package main

import (
	"maps"
	"slices"
)

// shared returns the packages with tests that are concurrent, or that can change and are reached from a concurrent one.
func shared(packages map[string]*pkg) []string {
	reached := map[string]bool{}
	var reach func(name string)
	reach = func(name string) {
		p := packages[name]
		if p == nil || reached[name] {
			return
		}
		reached[name] = true
		for _, next := range p.imports {
			reach(next)
		}
	}
	for name, p := range packages {
		if p.concurrent {
			reach(name)
		}
	}
	maps.DeleteFunc(reached, func(name string, _ bool) bool {
		p := packages[name]
		return !p.tests || !p.concurrent && !p.mutable
	})
	return slices.Sorted(maps.Keys(reached))
}
