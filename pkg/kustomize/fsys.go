package kustomize

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bomb"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/readonly"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

// treeRoot is where the library believes the tree to be. It is a directory below
// "/" so that a path with too many ".." ends outside of it and is seen, instead of
// being clamped to the root.
const treeRoot = "/.artifact-root"

// recordingFS is the library's view of a session: read-only, confined, recorded.
type recordingFS struct {
	readonly.FS
	s *session
}

var _ filesys.FileSystem = recordingFS{}

// rel turns a name of the library into a path of the tree.
func (f recordingFS) rel(name string) (string, error) {
	clean := path.Clean(name)
	if clean == f.s.root {
		return ".", nil
	}
	if rest, ok := strings.CutPrefix(clean, f.s.root+"/"); ok {
		return rest, nil
	}
	if name := "../" + strings.TrimPrefix(clean, "/"); f.s.Mounted(name) {
		return name, nil
	}
	// The name itself may have been made absolute by the library, which would
	// tell nothing to the reader.
	return "", f.s.Stop(refuse("a path that ends in %q leaves the artifact", clip(path.Base(clean))))
}

func (f recordingFS) kind(name string) (string, record.Kind, error) {
	rel, err := f.rel(name)
	if err != nil {
		return "", "", err
	}
	if _, ok := f.s.generate[rel]; ok {
		return rel, record.KindFile, f.s.Alive()
	}
	kind, err := f.s.Lookup(rel)
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
		if data, err = f.s.Read(rel); err != nil {
			return nil, err
		}
	}
	if isKustomization(rel) {
		return f.s.admit(rel, data)
	}
	if err := f.s.inspect(rel, data); err != nil {
		return nil, err
	}
	return data, f.s.count(bomb.Objects(data), 0)
}

// CleanedAbs splits a path into a directory and, for a file, its name.
func (f recordingFS) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	rel, kind, err := f.kind(name)
	if err != nil {
		return "", "", err
	}
	full := path.Join(f.s.root, rel)
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
	children, err := f.s.List(rel)
	names := make([]string, 0, len(children))
	for _, c := range children {
		names = append(names, c.Name)
	}
	return names, err
}
