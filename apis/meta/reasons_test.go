package meta_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var pascalCase = regexp.MustCompile(`^[A-Z][a-zA-Z0-9]{2,}$`)

// TestReasonsAreUniqueAndPascalCase reads the constants from the source, so that a
// new one can not be forgotten.
func TestReasonsAreUniqueAndPascalCase(t *testing.T) {
	seen := map[string]string{}
	for name, value := range reasonConstants(t) {
		if !pascalCase.MatchString(value) {
			t.Errorf("%s has the value %q, which is not one PascalCase word", name, value)
		}
		if name != "Reason"+value {
			t.Errorf("%s has the value %q; the constant has to be called Reason%s", name, value, value)
		}
		if other, ok := seen[value]; ok {
			t.Errorf("%s and %s have the same value %q", name, other, value)
		}
		seen[value] = name
	}
	if len(seen) < 100 {
		t.Errorf("found %d reasons; the catalogue has more than 100", len(seen))
	}
}

func reasonConstants(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typ, isIdent := spec.Type.(*ast.Ident)
			lit, isLiteral := spec.Values[0].(*ast.BasicLit)
			if isIdent && isLiteral && typ.Name == "Reason" {
				value, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Errorf("%s: %v", spec.Names[0].Name, err)
				}
				out[spec.Names[0].Name] = value
			}
			return true
		})
	}
	return out
}
