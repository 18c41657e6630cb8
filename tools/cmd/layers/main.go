// Command layers checks what imports what, against the table tools/layers.txt:
//
//   - every package belongs to exactly one layer, and imports what its layer may;
//   - a library with one importer has no other;
//   - a binary contains, in the end, no heavy library that it does not need. The
//     chain of imports that brings one is printed.
//
// An exception ("until") or a pattern that nothing needs any more fails too, so that
// the table says what is so.
//
// Usage: layers ROOT.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tableFile is where the table stands, below the root.
const tableFile = "tools/layers.txt"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: layers ROOT")
		os.Exit(2)
	}
	findings, err := run(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "layers:", err)
		os.Exit(1)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	if len(findings) > 0 {
		os.Exit(1)
	}
}

// run returns everything in the tree below root that breaks its table.
func run(root string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(root, tableFile))
	if err != nil {
		return nil, err
	}
	t, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s:%w", tableFile, err)
	}
	packages, err := read(root)
	if err != nil {
		return nil, err
	}
	findings := t.check(packages)
	contained, err := t.contents(root, packages)
	if err != nil {
		return nil, err
	}
	return append(findings, contained...), nil
}

// local returns the path of a package of ours from the root, if it is one.
func (t *table) local(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, t.module+"/")
}
