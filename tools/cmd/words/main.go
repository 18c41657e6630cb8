// Command words fails on the private words that standard terms have replaced, and on numbers of rows of documents that
// readers do not have. The words stand in tools/words.txt, with what is said instead. It reads the names that Go code
// declares, comments, string literals, Markdown, the Makefile and the names of files and folders.
//
// It also checks docs/GLOSSARY.md: at most thirty words of ours, each with its meaning.
//
// Usage: words ROOT.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const (
	// listFile is where the words stand, below the root.
	listFile = "tools/words.txt"
	// glossaryFile is where our own words are explained.
	glossaryFile = "docs/GLOSSARY.md"
)

func main() {
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: words ROOT")
		os.Exit(2)
	}
	findings, err := run(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(1)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	if len(findings) > 0 {
		os.Exit(1)
	}
}

// run returns what breaks the list in the tree below root.
func run(root string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(root, listFile))
	if err != nil {
		return nil, err
	}
	l, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s:%w", listFile, err)
	}
	findings, err := l.check(root)
	if err != nil {
		return nil, err
	}
	glossary, err := os.ReadFile(filepath.Join(root, glossaryFile))
	if err != nil {
		return nil, err
	}
	return append(findings, l.glossary(string(glossary))...), nil
}
