package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/capstan-gitops/capstan/tools/internal/walk"
)

// pkg is a folder with Go files. Those of a test package in the same folder count as its test files.
type pkg struct {
	path    string // from the root
	name    string
	imports []use
}

// use is one import.
type use struct {
	file string
	line int
	path string
	test bool
}

// read returns every package below root, sorted by path.
func read(root string) ([]*pkg, error) {
	byPath := map[string]*pkg{}
	err := walk.Files(root, func(name, rel string) error {
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, test := path.Dir(rel), strings.HasSuffix(rel, "_test.go")
		p := byPath[dir]
		if p == nil {
			p = &pkg{path: dir}
			byPath[dir] = p
		}
		if !test {
			p.name = file.Name.Name
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			p.imports = append(p.imports, use{file: rel, line: fset.Position(spec.Pos()).Line, path: imported, test: test})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the packages: %w", err)
	}
	var out []*pkg
	for _, p := range byPath {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *pkg) int { return strings.Compare(a.path, b.path) })
	return out, nil
}
