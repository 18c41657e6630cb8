package piece

import (
	"errors"
	"io/fs"
	"path"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/readonly"
)

// root is where the library believes the files of a piece to be.
const root = "/.piece-root"

func full(name string) string { return path.Join(root, name) }

// files is the library's view of a piece: what was read for it, and nothing else.
type files struct {
	readonly.FS
	content map[string][]byte
	dirs    map[string]bool
}

var _ filesys.FileSystem = (*files)(nil)

func newFiles(content map[string][]byte) *files {
	f := &files{content: map[string][]byte{}, dirs: map[string]bool{}}
	for name, data := range content {
		f.content[full(name)] = data
		for dir := path.Dir(full(name)); !f.dirs[dir]; dir = path.Dir(dir) {
			f.dirs[dir] = true
		}
	}
	return f
}

// ReadFile returns a file's content.
func (f *files) ReadFile(name string) ([]byte, error) {
	data, ok := f.content[path.Clean(name)]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path.Base(name), Err: fs.ErrNotExist}
	}
	return data, nil
}

// CleanedAbs splits a path into a directory and, for a file, its name.
func (f *files) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	clean := path.Clean(name)
	if f.dirs[clean] {
		return filesys.ConfirmedDir(clean), "", nil
	}
	if _, ok := f.content[clean]; ok {
		return filesys.ConfirmedDir(path.Dir(clean)), path.Base(clean), nil
	}
	return "", "", &fs.PathError{Op: "stat", Path: path.Base(name), Err: fs.ErrNotExist}
}

// IsDir reports whether name is a directory.
func (f *files) IsDir(name string) bool { return f.dirs[path.Clean(name)] }

// Exists reports whether there is anything at name.
func (f *files) Exists(name string) bool {
	_, ok := f.content[path.Clean(name)]
	return ok || f.IsDir(name)
}

// ReadDir is not supported: a plain tree names its files.
func (f *files) ReadDir(name string) ([]string, error) {
	return nil, &fs.PathError{Op: "readdir", Path: path.Base(name), Err: errors.ErrUnsupported}
}
