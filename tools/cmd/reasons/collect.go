package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reason is an entry of the catalogue.
type reason struct {
	name, meaning, kinds, do, retries string
}

// collect returns the reasons declared in a folder, sorted by name. All faults are
// reported at once.
func collect(folder string) ([]reason, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", folder, err)
	}
	var (
		reasons []reason
		faults  []error
		fset    = token.NewFileSet()
	)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("parsing %s: %w", file, err)
		}
		for _, spec := range constants(tree) {
			r, err := entry(spec)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", fset.Position(spec.Pos()), err))
				continue
			}
			reasons = append(reasons, r)
		}
	}
	if len(reasons) == 0 && len(faults) == 0 {
		return nil, fmt.Errorf("looking for reasons in %s: there are none", folder)
	}
	slices.SortFunc(reasons, func(a, b reason) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(reasons); i++ {
		if reasons[i].name == reasons[i-1].name {
			faults = append(faults, fmt.Errorf("reason %s is declared twice", reasons[i].name))
		}
	}
	return reasons, errors.Join(faults...)
}

// constants returns the declarations of constants of type Reason.
func constants(file *ast.File) []*ast.ValueSpec {
	var out []*ast.ValueSpec
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok {
				continue
			}
			if t, ok := v.Type.(*ast.Ident); ok && t.Name == "Reason" {
				out = append(out, v)
			}
		}
	}
	return out
}

// entry reads the comment of a constant: the meaning, then a paragraph for each of
// Kinds, Do and Retries.
func entry(spec *ast.ValueSpec) (reason, error) {
	name := spec.Names[0].Name
	if len(spec.Names) != 1 || len(spec.Values) != 1 {
		return reason{}, fmt.Errorf("constant %s has to be declared by itself, with a value", name)
	}
	lit, ok := spec.Values[0].(*ast.BasicLit)
	if !ok {
		return reason{}, fmt.Errorf("the value of constant %s is not a literal", name)
	}
	value, err := strconv.Unquote(lit.Value)
	if err != nil {
		return reason{}, fmt.Errorf("reading the value of constant %s: %w", name, err)
	}
	if name != "Reason"+value {
		return reason{}, fmt.Errorf("constant %s has to be called Reason%s", name, value)
	}
	r := reason{name: value}
	for _, paragraph := range strings.Split(spec.Doc.Text(), "\n\n") {
		r.take(name, strings.Join(strings.Fields(paragraph), " "))
	}
	for _, need := range []struct{ label, text string }{
		{name + " says that", r.meaning}, {"Kinds:", r.kinds}, {"Do:", r.do}, {"Retries:", r.retries},
	} {
		if need.text == "" {
			return reason{}, fmt.Errorf("the comment of constant %s has no paragraph that begins with %q", name, need.label)
		}
	}
	return r, nil
}

func (r *reason) take(name, paragraph string) {
	for label, field := range map[string]*string{
		name + " says that ": &r.meaning, "Kinds: ": &r.kinds, "Do: ": &r.do, "Retries: ": &r.retries,
	} {
		if text, ok := strings.CutPrefix(paragraph, label); ok {
			*field = capitalize(text)
		}
	}
}

func capitalize(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}
