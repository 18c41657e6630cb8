package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// piece is a text with the place where it begins: a declared name, or prose.
type piece struct {
	line int
	text string
	name bool
}

// pieces returns what people read in a file.
func pieces(name, rel string, content []byte) ([]piece, error) {
	out := []piece{{line: 1, text: strings.TrimSuffix(path.Base(rel), path.Ext(rel)), name: true}}
	if !strings.HasSuffix(rel, ".go") {
		return append(out, piece{line: 1, text: string(content)}), nil
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	at := func(pos token.Pos) int { return fset.Position(pos).Line }
	for _, group := range file.Comments {
		out = append(out, piece{line: at(group.Pos()), text: prose(group)})
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			if n.Name != nil {
				out = append(out, piece{line: at(n.Pos()), text: n.Name.Name, name: true})
			}
			return false
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				out = append(out, piece{line: at(n.Pos()), text: n.Value})
			}
		default:
			for _, id := range declared(n) {
				out = append(out, piece{line: at(id.Pos()), text: id.Name, name: true})
			}
		}
		return true
	})
	return out, nil
}

// prose is a comment, line by line as it stands, without what tools read.
func prose(group *ast.CommentGroup) string {
	var lines []string
	for _, c := range group.List {
		if strings.HasPrefix(c.Text, "//go:") || strings.HasPrefix(c.Text, "//nolint") || strings.HasPrefix(c.Text, "// +kubebuilder") {
			lines = append(lines, "")
			continue
		}
		lines = append(lines, c.Text)
	}
	return strings.Join(lines, "\n")
}

// declared returns the names that a node declares. What is only used is declared elsewhere: here, where it is found, or
// in a library, where it is not ours.
func declared(n ast.Node) []*ast.Ident {
	switch n := n.(type) {
	case *ast.File:
		return []*ast.Ident{n.Name}
	case *ast.FuncDecl:
		return []*ast.Ident{n.Name}
	case *ast.TypeSpec:
		return []*ast.Ident{n.Name}
	case *ast.ValueSpec:
		return n.Names
	case *ast.Field:
		return n.Names
	case *ast.LabeledStmt:
		return []*ast.Ident{n.Label}
	case *ast.AssignStmt:
		if n.Tok == token.DEFINE {
			return idents(n.Lhs...)
		}
	case *ast.RangeStmt:
		if n.Tok == token.DEFINE {
			return idents(n.Key, n.Value)
		}
	}
	return nil
}

func idents(exprs ...ast.Expr) []*ast.Ident {
	var out []*ast.Ident
	for _, e := range exprs {
		if id, ok := e.(*ast.Ident); ok {
			out = append(out, id)
		}
	}
	return out
}

// word is a word of a piece.
type word struct {
	text  string
	line  int
	name  bool // it is spelled like a name, with a capital inside
	whole bool // it is all of a name
	gap   bool // a sentence or a paragraph ends before it
}

var wordOrGap = regexp.MustCompile(`[A-Za-z]+|[.:;!?][\s"]|\n\s*(?://)?\s*\n`)

// tokens cuts a piece into lower-case words; names are cut where a capital begins.
func (p piece) tokens() []word {
	var out []word
	gap := false
	line, counted := p.line, 0
	for _, span := range wordOrGap.FindAllStringIndex(p.text, -1) {
		text := p.text[span[0]:span[1]]
		line += strings.Count(p.text[counted:span[0]], "\n")
		counted = span[0]
		if !unicode.IsLetter(rune(text[0])) {
			gap = true
			continue
		}
		parts := camel(text)
		for _, part := range parts {
			out = append(out, word{text: strings.ToLower(part), line: line, name: p.name || len(parts) > 1, whole: p.name && len(parts) == 1 && len(text) == len(p.text), gap: gap})
			gap = false
		}
	}
	return out
}

// camel cuts a name: "HTTPServerName" is HTTP, Server and Name.
func camel(name string) []string {
	var out []string
	start := 0
	upper := func(i int) bool { return i < len(name) && name[i] >= 'A' && name[i] <= 'Z' }
	for i := 1; i < len(name); i++ {
		if upper(i) && (!upper(i-1) || i+1 < len(name) && !upper(i+1)) {
			out = append(out, name[start:i])
			start = i
		}
	}
	return append(out, name[start:])
}
