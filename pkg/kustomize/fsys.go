package kustomize

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bomb"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

// treeRoot is where the library believes the tree to be. It is a directory below
// "/" so that a path with too many ".." ends outside of it and is seen, instead of
// being clamped to the root.
const treeRoot = "/.artifact-root"

// recordingFS is the library's view of a session: read-only, confined, recorded.
type recordingFS struct{ s *session }

var _ filesys.FileSystem = recordingFS{}

// rel turns a name of the library into a path of the tree.
func (f recordingFS) rel(name string) (string, error) {
	clean := path.Clean(name)
	if clean == treeRoot {
		return ".", nil
	}
	if rest, ok := strings.CutPrefix(clean, treeRoot+"/"); ok {
		return rest, nil
	}
	// The name itself may have been made absolute by the library, which would
	// tell nothing to the reader.
	return "", f.s.stop(refuse("a path that ends in %q leaves the artifact", clip(path.Base(clean))))
}

func (f recordingFS) kind(name string) (string, record.Kind, error) {
	rel, err := f.rel(name)
	if err != nil {
		return "", "", err
	}
	if _, ok := f.s.generate[rel]; ok {
		return rel, record.KindFile, f.s.alive()
	}
	kind, err := f.s.look(rel)
	return rel, kind, err
}

// ReadFile returns a file's content. A kustomization file passes the guard
// first.
func (f recordingFS) ReadFile(name string) ([]byte, error) {
	rel, kind, err := f.kind(name)
	switch {
	case err != nil:
		return nil, err
	case kind == record.KindAbsent:
		return nil, &fs.PathError{Op: "open", Path: rel, Err: fs.ErrNotExist}
	case kind == record.KindDir:
		return nil, &fs.PathError{Op: "read", Path: rel, Err: errors.New("is a directory")}
	}
	data, generated := f.s.generate[rel]
	if !generated {
		if data, err = f.s.read(rel); err != nil {
			return nil, err
		}
	}
	if isKustomization(rel) {
		return data, f.s.admit(rel, data)
	}
	return data, f.s.count(bomb.Objects(data), 0)
}

// CleanedAbs splits a path into a directory and, for a file, its name.
func (f recordingFS) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	rel, kind, err := f.kind(name)
	if err != nil {
		return "", "", err
	}
	full := path.Join(treeRoot, rel)
	switch kind {
	case record.KindDir:
		return filesys.ConfirmedDir(full), "", nil
	case record.KindFile:
		return filesys.ConfirmedDir(path.Dir(full)), path.Base(full), nil
	}
	return "", "", &fs.PathError{Op: "stat", Path: rel, Err: fs.ErrNotExist}
}

// IsDir reports whether name is a directory.
func (f recordingFS) IsDir(name string) bool {
	_, kind, err := f.kind(name)
	return err == nil && kind == record.KindDir
}

// Exists reports whether there is anything at name.
func (f recordingFS) Exists(name string) bool {
	_, kind, err := f.kind(name)
	return err == nil && kind != record.KindAbsent
}

// ReadDir returns the names of a directory's children.
func (f recordingFS) ReadDir(name string) ([]string, error) {
	rel, kind, err := f.kind(name)
	if err != nil {
		return nil, err
	}
	if kind != record.KindDir {
		return nil, &fs.PathError{Op: "readdir", Path: rel, Err: fs.ErrNotExist}
	}
	children, err := f.s.list(rel)
	names := make([]string, 0, len(children))
	for _, c := range children {
		names = append(names, c.Name)
	}
	return names, err
}

// The rest of the interface serves commands that edit a tree. A build calls none
// of it.

func unsupported(op, name string) error {
	return &fs.PathError{Op: op, Path: path.Base(name), Err: errors.ErrUnsupported}
}

// Create is not supported: the tree is read-only.
func (f recordingFS) Create(name string) (filesys.File, error) {
	return nil, unsupported("create", name)
}

// Open is not supported: a build reads whole files.
func (f recordingFS) Open(name string) (filesys.File, error) { return nil, unsupported("open", name) }

// Mkdir is not supported: the tree is read-only.
func (f recordingFS) Mkdir(name string) error { return unsupported("mkdir", name) }

// MkdirAll is not supported: the tree is read-only.
func (f recordingFS) MkdirAll(name string) error { return unsupported("mkdir", name) }

// RemoveAll is not supported: the tree is read-only.
func (f recordingFS) RemoveAll(name string) error { return unsupported("remove", name) }

// WriteFile is not supported: the tree is read-only.
func (f recordingFS) WriteFile(name string, _ []byte) error { return unsupported("write", name) }

// Glob is not supported: a build names its files.
func (f recordingFS) Glob(pattern string) ([]string, error) { return nil, unsupported("glob", pattern) }

// Walk is not supported: a build names its files.
func (f recordingFS) Walk(name string, _ filepath.WalkFunc) error { return unsupported("walk", name) }
