// Package readonly is what a file system of ours does not do for the kustomize
// library.
package readonly

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// FS is the part of the library's file system interface that serves commands
// which edit a tree. A build calls none of it, and all of it fails.
type FS struct{}

func unsupported(op, name string) error {
	return &fs.PathError{Op: op, Path: path.Base(name), Err: errors.ErrUnsupported}
}

// Create is not supported: the tree is read-only.
func (FS) Create(name string) (filesys.File, error) { return nil, unsupported("create", name) }

// Open is not supported: a build reads whole files.
func (FS) Open(name string) (filesys.File, error) { return nil, unsupported("open", name) }

// Mkdir is not supported: the tree is read-only.
func (FS) Mkdir(name string) error { return unsupported("mkdir", name) }

// MkdirAll is not supported: the tree is read-only.
func (FS) MkdirAll(name string) error { return unsupported("mkdir", name) }

// RemoveAll is not supported: the tree is read-only.
func (FS) RemoveAll(name string) error { return unsupported("remove", name) }

// WriteFile is not supported: the tree is read-only.
func (FS) WriteFile(name string, _ []byte) error { return unsupported("write", name) }

// Glob is not supported: a build names its files.
func (FS) Glob(pattern string) ([]string, error) { return nil, unsupported("glob", pattern) }

// Walk is not supported: a build names its files.
func (FS) Walk(name string, _ filepath.WalkFunc) error { return unsupported("walk", name) }
