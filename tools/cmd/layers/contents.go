package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// contents checks what binaries, and other packages named in the table, contain in the end.
func (t *table) contents(root string, packages []*pkg) ([]string, error) {
	var out []string
	for _, p := range packages {
		if !strings.Contains(p.path, "/") && p.name == "main" && !slices.ContainsFunc(t.contains, func(a arrow) bool { return a.left.match(p.path) != nil }) {
			out = append(out, fmt.Sprintf("%s: no line \"contains\" of %s says which heavy libraries this binary may contain; add one", p.path, tableFile))
		}
	}
	for _, a := range t.contains {
		for _, target := range a.left {
			g, err := load(root, "./"+target.text)
			if err != nil {
				return nil, err
			}
			for _, chain := range g.forbidden(t.unwanted(a.right)) {
				out = append(out, fmt.Sprintf("%s may not contain %s (%s); it comes by\n  %s",
					target.text, chain[len(chain)-1], a.reason, strings.Join(chain, "\n  -> ")))
			}
		}
	}
	return out, nil
}

// unwanted returns which heavy library a package belongs to, if it is not one of the allowed ones.
func (t *table) unwanted(allowed patterns) func(string) string {
	return func(importPath string) string {
		name, ours := t.local(importPath)
		if !ours {
			name = importPath
		}
		if heavy := t.heavy.match(name); heavy != nil && allowed.match(name) == nil {
			return heavy.text
		}
		return ""
	}
}

// graph is who imports whom, beginning with roots.
type graph struct {
	roots   []string
	imports map[string][]string
}

// load asks the go command for everything below a pattern.
func load(root, pattern string) (*graph, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,DepOnly,Standard", pattern)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(root, "go.work"))
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the dependencies of %s: %w", pattern, err)
	}
	return decode(strings.NewReader(string(out)))
}

func decode(r io.Reader) (*graph, error) {
	g := &graph{imports: map[string][]string{}}
	for dec := json.NewDecoder(r); ; {
		var p struct {
			ImportPath        string
			Imports           []string
			DepOnly, Standard bool
		}
		err := dec.Decode(&p)
		if err == io.EOF {
			return g, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the list of dependencies: %w", err)
		}
		if p.Standard {
			continue
		}
		g.imports[p.ImportPath] = p.Imports
		if !p.DepOnly {
			g.roots = append(g.roots, p.ImportPath)
		}
	}
}

// forbidden returns, for every library that is there and unwanted, a shortest chain of imports that leads to it.
func (g *graph) forbidden(unwanted func(string) string) [][]string {
	parent := map[string]string{}
	queue := slices.Clone(g.roots)
	for _, r := range g.roots {
		parent[r] = ""
	}
	var chains [][]string
	seen := map[string]bool{}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if lib := unwanted(name); lib != "" && !seen[lib] {
			seen[lib] = true
			chains = append(chains, chain(name, parent))
		}
		for _, next := range g.imports[name] {
			if _, known := parent[next]; !known && g.has(next) {
				parent[next] = name
				queue = append(queue, next)
			}
		}
	}
	return chains
}

func chain(name string, parent map[string]string) []string {
	var out []string
	for ; name != ""; name = parent[name] {
		out = append(out, name)
	}
	slices.Reverse(out)
	return out
}

// has reports whether a package is in the graph; those of the standard library are not.
func (g *graph) has(name string) bool {
	_, ok := g.imports[name]
	return ok
}
