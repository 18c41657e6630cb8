// Package testtree makes small trees of files for the tests of our checks.
package testtree

import (
	"os"
	"path/filepath"
	"testing"
)

// Write puts files, by their path, below a new folder and returns it.
func Write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
