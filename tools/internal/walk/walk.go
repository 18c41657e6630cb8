// Package walk goes through the files of the repository that our checks look at.
package walk

import (
	"io/fs"
	"path/filepath"
	"strings"
)

// Files calls visit for every file below root with its name and its path from root, in order. What tools write or
// tests feed to the code is left out: hidden folders but .ci, testdata, and bin at the root.
func Files(root string, visit func(name, rel string) error) error {
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if !d.IsDir() {
			return visit(name, rel)
		}
		hidden := strings.HasPrefix(rel, ".") && rel != "." && rel != ".ci" || strings.Contains(rel, "/.")
		if hidden || d.Name() == "testdata" || rel == "bin" {
			return fs.SkipDir
		}
		return nil
	})
}
