// Command sizes checks the sizes that docs/STYLE.md sets an end to: lines of a
// file, a package and a phase, parameters, methods of an interface, and how much of
// a module may sit in one package.
//
// What is larger stands in tools/sizes-allow.txt, a line each: path, measure, reason
// and when it goes, with tabs between. An entry that nothing needs fails, too, so
// that the list only shrinks.
//
// Usage: sizes ROOT.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// allowList is where exceptions stand, below the root.
const allowList = "tools/sizes-allow.txt"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sizes ROOT")
		os.Exit(2)
	}
	found, err := check(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "sizes:", err)
		os.Exit(1)
	}
	for _, f := range found {
		fmt.Println(f)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}

// check measures everything below root and returns what is too large and not
// allowed, and what is allowed and not too large.
func check(root string) ([]string, error) {
	measured, err := measureTree(root)
	if err != nil {
		return nil, err
	}
	allowed, err := readAllowList(filepath.Join(root, allowList))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range measured {
		if key := f.path + "\t" + f.measure; allowed[key] {
			delete(allowed, key)
			continue
		}
		out = append(out, f.String())
	}
	for key := range allowed {
		out = append(out, fmt.Sprintf("%s: the entry %q is needed no more; remove it", allowList, key))
	}
	slices.Sort(out)
	return out, nil
}

// readAllowList returns the entries as "path<TAB>measure".
func readAllowList(file string) (map[string]bool, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]bool{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the allow-list: %w", err)
	}
	defer func() { _ = f.Close() }()
	entries := map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 4 || slices.Contains(fields, "") {
			return nil, fmt.Errorf("reading the allow-list: %q is not path, measure, reason and when it goes, with tabs between", line)
		}
		entries[fields[0]+"\t"+fields[1]] = true
	}
	return entries, lines.Err()
}

// finding is something larger than it may be.
type finding struct {
	path, measure string
	got, most     int
}

// String says what is too large.
func (f finding) String() string {
	return fmt.Sprintf("%s: %s is %d, at most %d", f.path, f.measure, f.got, f.most)
}
