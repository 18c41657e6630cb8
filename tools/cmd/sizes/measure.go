package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"strings"

	"github.com/capstan-gitops/capstan/tools/internal/walk"
)

const (
	maxFile    = 700
	maxTest    = 1500
	maxPackage = 1500
	maxStep    = 75
	maxParams  = 6
	maxMethods = 5
	// maxShare is in percent, of modules with more lines than shareFrom.
	maxShare  = 30
	shareFrom = 3000
)

// tree collects what is measured over more than one file.
type tree struct {
	found    []finding
	packages map[string]int
}

func measureTree(root string) ([]finding, error) {
	t := &tree{packages: map[string]int{}}
	var modules []string
	err := walk.Files(root, func(name, rel string) error {
		switch {
		case path.Base(rel) == "go.mod":
			modules = append(modules, path.Dir(rel))
		case strings.HasSuffix(rel, ".go"):
			return t.file(name, rel)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("measuring: %w", err)
	}
	t.sums(modules)
	return t.found, nil
}

func (t *tree) over(where, measure string, got, most int) {
	if got > most {
		t.found = append(t.found, finding{path: where, measure: measure, got: got, most: most})
	}
}

// file measures one file. Generated code and API types may have any length.
func (t *tree) file(name, rel string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, rel, data, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if ast.IsGenerated(parsed) {
		return nil
	}
	lines := bytes.Count(data, []byte("\n"))
	if strings.HasSuffix(rel, "_test.go") {
		t.over(rel, "test file", lines, maxTest)
		return nil
	}
	if !strings.HasPrefix(rel, "apis/") {
		t.over(rel, "file", lines, maxFile)
		t.packages[path.Dir(rel)] += lines
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			t.function(fset, rel, n)
		case *ast.TypeSpec:
			if i, ok := n.Type.(*ast.InterfaceType); ok {
				t.over(rel, "interface "+n.Name.Name, i.Methods.NumFields(), maxMethods)
			}
		}
		return true
	})
	return nil
}

func (t *tree) function(fset *token.FileSet, rel string, f *ast.FuncDecl) {
	name := f.Name.Name
	t.over(rel, "parameters of "+name, f.Type.Params.NumFields(), maxParams)
	if name == "main" || name == "Reconcile" || strings.Contains(rel, "/internal/phase/") {
		t.over(rel, "lines of "+name, fset.Position(f.End()).Line-fset.Position(f.Pos()).Line+1, maxStep)
	}
}

// sums checks what is measured of packages and modules.
func (t *tree) sums(modules []string) {
	for _, module := range modules {
		total, largest, where := 0, 0, ""
		for name, lines := range t.packages {
			if moduleOf(name, modules) != module {
				continue
			}
			total += lines
			if lines > largest || lines == largest && name < where {
				largest, where = lines, name
			}
		}
		if total > shareFrom {
			t.over(where, "percent of its module", largest*100/total, maxShare)
		}
	}
	for name, lines := range t.packages {
		t.over(name, "package", lines, maxPackage)
	}
}

// moduleOf returns the innermost module that holds a package.
func moduleOf(name string, modules []string) string {
	best := ""
	for _, module := range modules {
		if (name == module || strings.HasPrefix(name, module+"/")) && len(module) > len(best) {
			best = module
		}
	}
	return best
}
