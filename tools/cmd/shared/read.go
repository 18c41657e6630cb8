package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/capstan-gitops/capstan/tools/internal/walk"
)

// several are packages that nobody imports who does not use several goroutines; controller-runtime runs what it is given in
// many workers.
var several = []string{
	"sync", "sync/atomic", "golang.org/x/sync/errgroup", "golang.org/x/sync/semaphore", "golang.org/x/sync/singleflight",
	"sigs.k8s.io/controller-runtime", "sigs.k8s.io/controller-runtime/pkg/manager",
}

// parallel is the one of ours.
const parallel = "pkg/parallel"

// pkg is what the files of a folder show.
type pkg struct {
	tests      bool
	concurrent bool
	mutable    bool
	imports    []string // of ours, from the root
}

// read returns the packages of the modules below root, by their paths from root.
func read(root string, modules []string) (map[string]*pkg, error) {
	prefix, err := product(root, modules[0])
	if err != nil {
		return nil, err
	}
	out := map[string]*pkg{}
	err = walk.Files(root, func(name, rel string) error {
		module, _, _ := strings.Cut(rel, "/")
		if !strings.HasSuffix(rel, ".go") || !slices.Contains(modules, module) {
			return nil
		}
		p := out[path.Dir(rel)]
		if p == nil {
			p = &pkg{}
			out[path.Dir(rel)] = p
		}
		if strings.HasSuffix(rel, "_test.go") {
			p.tests = true
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		p.add(file, prefix)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the packages: %w", err)
	}
	return out, nil
}

// product returns what the import paths of all modules begin with, judged by the go.mod of one.
func product(root, module string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, module, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.TrimSuffix(name, module), nil
		}
	}
	return "", errors.New("the go.mod of " + module + " names no module")
}

// add notes what one file shows.
func (p *pkg) add(file *ast.File, prefix string) {
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has accepted it
		}
		local, ours := strings.CutPrefix(imported, prefix)
		if ours {
			p.imports = append(p.imports, local)
		}
		p.concurrent = p.concurrent || slices.Contains(several, imported) || ours && local == parallel
	}
	for _, decl := range file.Decls {
		p.mutable = p.mutable || changes(decl)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
			p.concurrent = true
		case *ast.UnaryExpr:
			p.concurrent = p.concurrent || n.Op == token.ARROW
		}
		return true
	})
}

// changes reports whether a declaration is of something that can change: a variable that is not an error, or a method
// on a pointer.
func changes(decl ast.Decl) bool {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			return false
		}
		_, pointer := decl.Recv.List[0].Type.(*ast.StarExpr)
		return pointer
	case *ast.GenDecl:
		if decl.Tok != token.VAR {
			return false
		}
		for _, spec := range decl.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if name.Name != "_" && !strings.HasPrefix(strings.ToLower(name.Name), "err") {
					return true
				}
			}
		}
	}
	return false
}
