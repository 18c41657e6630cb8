package remotebase

import (
	"bytes"
	"io"
	"io/fs"
	"time"

	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
)

// single is a tree with one file, which is called remote.FileName.
type single struct {
	content []byte
}

var (
	_ fs.ReadFileFS = single{}
	_ fs.ReadDirFS  = single{}
)

// Open opens the file, or the folder that it is in.
func (s single) Open(name string) (fs.File, error) {
	switch {
	case !fs.ValidPath(name):
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	case name == ".":
		return &folder{entries: []fs.DirEntry{fs.FileInfoToDirEntry(s.info())}}, nil
	case name == remote.FileName:
		return &opened{Reader: bytes.NewReader(s.content), about: s.info()}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadFile returns the content of the file.
func (s single) ReadFile(name string) ([]byte, error) {
	switch name {
	case remote.FileName:
		return bytes.Clone(s.content), nil
	case ".":
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	_, err := s.Open(name)
	return nil, err
}

// ReadDir lists the folder.
func (s single) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "." {
		return []fs.DirEntry{fs.FileInfoToDirEntry(s.info())}, nil
	}
	if _, err := s.Open(name); err != nil {
		return nil, err
	}
	return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
}

func (s single) info() info {
	return info{name: remote.FileName, size: int64(len(s.content)), mode: 0o444}
}

// info describes an entry; there are no times.
type info struct {
	name string
	size int64
	mode fs.FileMode
}

// Name is the last part of the path.
func (i info) Name() string { return i.name }

// Size is the number of bytes.
func (i info) Size() int64 { return i.size }

// Mode is that of a regular file or of the folder.
func (i info) Mode() fs.FileMode { return i.mode }

// ModTime is zero.
func (i info) ModTime() time.Time { return time.Time{} }

// IsDir reports whether it is the folder.
func (i info) IsDir() bool { return i.mode.IsDir() }

// Sys is nil.
func (i info) Sys() any { return nil }

// opened is the file while somebody reads it.
type opened struct {
	*bytes.Reader
	about info
}

// Stat describes the file.
func (o *opened) Stat() (fs.FileInfo, error) { return o.about, nil }

// Close does nothing.
func (o *opened) Close() error { return nil }

// folder is the root while somebody lists it.
type folder struct {
	entries []fs.DirEntry
}

// Stat describes the folder.
func (d *folder) Stat() (fs.FileInfo, error) { return info{name: ".", mode: fs.ModeDir | 0o555}, nil }

// Read fails: a folder has no bytes.
func (d *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

// Close does nothing.
func (d *folder) Close() error { return nil }

// ReadDir lists what was not listed yet.
func (d *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.entries) {
		n = len(d.entries)
	}
	listed := d.entries[:n]
	d.entries = d.entries[n:]
	return listed, nil
}
