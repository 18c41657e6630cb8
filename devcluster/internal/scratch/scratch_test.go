package scratch_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/capstan-gitops/capstan/devcluster/internal/filelock"
	"github.com/capstan-gitops/capstan/devcluster/internal/scratch"
)

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func base(t *testing.T) string {
	t.Helper()
	path, err := scratch.Base(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNewSweepsTheDead(t *testing.T) {
	base := base(t)
	alive, err := scratch.New(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(base, "run-dead")
	foreign := filepath.Join(base, "default")
	for _, path := range []string{dead, foreign} {
		if err := os.MkdirAll(filepath.Join(path, "etcd"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	next, err := scratch.New(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if exists(dead) {
		t.Error("a directory without a launcher was left")
	}
	if !exists(alive.Path) || !exists(foreign) {
		t.Error("a directory that is in use, or is none of ours, was removed")
	}
	for _, dir := range []*scratch.Dir{alive, next} {
		if err := dir.Close(); err != nil {
			t.Fatal(err)
		}
		if exists(dir.Path) {
			t.Errorf("%s was left", dir.Path)
		}
	}
}

func TestOpenRefusesForeignFiles(t *testing.T) {
	path := t.TempDir()
	precious := filepath.Join(path, "thesis.txt")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := scratch.Open(path, true); err == nil {
		t.Error("a directory with other files was taken")
	}
	if !exists(precious) {
		t.Error("a file that is not ours was removed")
	}
}

func TestOpenKeepsAndEmpties(t *testing.T) {
	for name, tc := range map[string]struct {
		ephemeral bool
		why       string
	}{
		"Kept":      {false, "a named directory is continued"},
		"Ephemeral": {true, "a cluster that starts anew must not find old objects"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			first, err := scratch.Open(path, false)
			if err != nil {
				t.Fatal(err)
			}
			old := filepath.Join(path, "etcd")
			if err := os.Mkdir(old, 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := scratch.Open(path, tc.ephemeral); !errors.Is(err, filelock.ErrHeld) {
				t.Errorf("a directory in use: got %v, want ErrHeld", err)
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			second, err := scratch.Open(path, tc.ephemeral)
			if err != nil {
				t.Fatal(err)
			}
			if exists(old) == tc.ephemeral {
				t.Errorf("%s: old state exists: %v", tc.why, exists(old))
			}
			if held, err := scratch.Held(path); err != nil || !held {
				t.Errorf("held: %v, %v", held, err)
			}
			if err := second.Close(); err != nil {
				t.Fatal(err)
			}
			if exists(path) == tc.ephemeral {
				t.Errorf("%s: directory exists: %v", tc.why, exists(path))
			}
		})
	}
}

func TestBaseRefusesWhatOthersCanOpen(t *testing.T) {
	parent := t.TempDir()
	path, err := scratch.Base(parent)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o777); err != nil { //nolint:gosec // That is the point.
		t.Fatal(err)
	}
	if _, err := scratch.Base(parent); err == nil {
		t.Error("a folder that everybody may write to was taken")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), path); err != nil {
		t.Fatal(err)
	}
	if _, err := scratch.Base(parent); err == nil {
		t.Error("a link to somewhere else was taken")
	}
}
