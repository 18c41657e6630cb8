package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/capstan-gitops/capstan/pkg/git/internal/pack"
)

const (
	maxCachedTrees = 512
	maxPathDepth   = 256
	maxPathLength  = 4096
)

// Limits bound what may be listed and held; both fields are needed.
type Limits struct {
	// Files bounds the entries of one folder.
	Files int
	// HeldBytes bounds a file that is read in one go.
	HeldBytes int64
}

// FS is a tree of a repository as a read-only file system. Trees are decoded
// when somebody looks into them, files are read when somebody reads them.
//
// Names are those of the tree, which need not be UTF-8. A symbolic link is
// reported as one and never followed; a submodule is an empty folder, as in a
// clone without its submodules.
type FS struct {
	pack   *pack.Pack
	root   plumbing.Hash
	limits Limits

	mu    sync.Mutex
	trees map[plumbing.Hash][]entry
}

var (
	_ fs.ReadDirFS  = (*FS)(nil)
	_ fs.ReadFileFS = (*FS)(nil)
	_ fs.ReadLinkFS = (*FS)(nil)
)

// New returns the file system of a tree, having looked at its root.
func New(p *pack.Pack, root plumbing.Hash, limits Limits) (*FS, error) {
	t := &FS{pack: p, root: root, limits: limits, trees: map[plumbing.Hash][]entry{}}
	_, err := t.tree(root)
	return t, err
}

// entry is an entry of a tree, and both kinds of description that io/fs
// has. Times are zero: a tree has none.
type entry struct {
	name string
	mode filemode.FileMode
	hash plumbing.Hash
	pack *pack.Pack
}

// Name is the last part of the path.
func (e entry) Name() string { return e.name }

// IsDir reports whether the entry is a folder.
func (e entry) IsDir() bool { return e.mode == filemode.Dir || e.mode == filemode.Submodule }

// Type is the type bits of the mode.
func (e entry) Type() fs.FileMode { return e.Mode().Type() }

// Info describes the entry.
func (e entry) Info() (fs.FileInfo, error) { return e, nil }

// Size is that of the file; of one that the server did not send it is zero.
func (e entry) Size() int64 {
	if e.IsDir() {
		return 0
	}
	size, err := e.pack.Size(e.hash)
	if err != nil {
		return 0
	}
	return size
}

// Mode is 0644 or 0755 for files, as git has no other permissions.
func (e entry) Mode() fs.FileMode {
	switch e.mode {
	case filemode.Dir, filemode.Submodule:
		return fs.ModeDir | 0o755
	case filemode.Symlink:
		return fs.ModeSymlink | 0o777
	case filemode.Executable:
		return 0o755
	default:
		return 0o644
	}
}

// ModTime is zero.
func (e entry) ModTime() time.Time { return time.Time{} }

// Sys is nil.
func (e entry) Sys() any { return nil }

// tree decodes a tree and refuses it as a whole if one name is hostile.
func (t *FS) tree(hash plumbing.Hash) ([]entry, error) {
	t.mu.Lock()
	cached, ok := t.trees[hash]
	t.mu.Unlock()
	if ok {
		return cached, nil
	}
	decoded := &object.Tree{}
	if err := t.pack.Decode(hash, plumbing.TreeObject, decoded.Decode); err != nil {
		return nil, err
	}
	if limit := t.limits.Files; len(decoded.Entries) > limit {
		return nil, fmt.Errorf("a folder has %d entries, more than the limit of %d", len(decoded.Entries), limit)
	}
	entries := make([]entry, 0, len(decoded.Entries))
	for _, e := range decoded.Entries {
		if err := checkEntry(e); err != nil {
			return nil, err
		}
		entries = append(entries, entry{name: e.Name, mode: e.Mode, hash: e.Hash, pack: t.pack})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(entries); i++ {
		if entries[i].name == entries[i-1].name {
			return nil, fmt.Errorf("the tree holds the entry %q twice", entries[i].name)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.trees) >= maxCachedTrees {
		clear(t.trees)
	}
	t.trees[hash] = entries
	return entries, nil
}

// lookup walks down a path.
func (t *FS) lookup(op, name string) (entry, error) {
	fail := func(err error) (entry, error) {
		return entry{}, &fs.PathError{Op: op, Path: name, Err: err}
	}
	at := entry{name: ".", mode: filemode.Dir, hash: t.root, pack: t.pack}
	if name == "." {
		return at, nil
	}
	parts := strings.Split(name, "/")
	if len(name) > maxPathLength || len(parts) > maxPathDepth {
		return fail(errors.New("the path is too long or too deep"))
	}
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return fail(fs.ErrInvalid)
		}
		if at.mode != filemode.Dir {
			return fail(fs.ErrNotExist)
		}
		entries, err := t.tree(at.hash)
		if err != nil {
			return fail(err)
		}
		i, found := slices.BinarySearchFunc(entries, part, func(e entry, want string) int {
			return strings.Compare(e.name, want)
		})
		if !found {
			return fail(fs.ErrNotExist)
		}
		at = entries[i]
	}
	return at, nil
}

// Open opens a file or a folder. A symbolic link cannot be opened.
func (t *FS) Open(name string) (fs.File, error) {
	e, err := t.lookup("open", name)
	if err != nil {
		return nil, err
	}
	if e.IsDir() {
		entries, err := t.list(e)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return &openDir{entry: e, rest: entries}, nil
	}
	if e.mode == filemode.Symlink {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("it is a symbolic link, which is never followed")}
	}
	content, err := t.pack.Open(e.hash)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{ReadCloser: content, info: e}, nil
}

// ReadFile reads a file in one go.
func (t *FS) ReadFile(name string) ([]byte, error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if limit := t.limits.HeldBytes; info.Size() > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("it has %d bytes, more than the limit of %d", info.Size(), limit)}
	}
	return io.ReadAll(f)
}

func (t *FS) list(e entry) ([]entry, error) {
	if e.mode == filemode.Submodule {
		return nil, nil
	}
	return t.tree(e.hash)
}

// ReadDir lists a folder, sorted by name.
func (t *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.lookup("readdir", name)
	if err != nil {
		return nil, err
	}
	if !e.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("it is not a folder")}
	}
	entries, err := t.list(e)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	out := make([]fs.DirEntry, len(entries))
	for i, e := range entries {
		out[i] = e
	}
	return out, nil
}

// Lstat describes an entry; links are not followed anywhere, so Stat would say
// the same.
func (t *FS) Lstat(name string) (fs.FileInfo, error) { return t.lookup("lstat", name) }

// Stat describes an entry.
func (t *FS) Stat(name string) (fs.FileInfo, error) { return t.lookup("stat", name) }

// ReadLink returns where a symbolic link points.
func (t *FS) ReadLink(name string) (string, error) {
	e, err := t.lookup("readlink", name)
	if err != nil {
		return "", err
	}
	if e.mode != filemode.Symlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	r, err := t.pack.Open(e.hash)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	defer r.Close()
	target, err := io.ReadAll(io.LimitReader(r, maxPathLength))
	return string(target), err
}

// openFile is a file being read.
type openFile struct {
	io.ReadCloser

	info entry
}

// Stat describes the file.
func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// openDir is a folder being listed.
type openDir struct {
	entry

	rest []entry
}

// Stat describes the folder.
func (d *openDir) Stat() (fs.FileInfo, error) { return d.entry, nil }

// Read fails: a folder has no bytes.
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("it is a folder")}
}

// Close does nothing.
func (d *openDir) Close() error { return nil }

// ReadDir lists the next entries.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	count := len(d.rest)
	if n > 0 {
		if count == 0 {
			return nil, io.EOF
		}
		count = min(n, count)
	}
	out := make([]fs.DirEntry, count)
	for i, e := range d.rest[:count] {
		out[i] = e
	}
	d.rest = d.rest[count:]
	return out, nil
}
