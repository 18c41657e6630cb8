package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/capstan-gitops/capstan/pkg/internal/spool"
)

// View is an archive as a read-only file system. The contents of all files lie
// behind each other in one spool; nothing is unpacked into folders. Reading
// compares each file with its digest. A view is safe for concurrent use and
// readable until it is closed.
type View struct {
	data    *spool.Spool
	entries map[string]node
	lists   map[string][]fs.DirEntry
	index   *Index
}

var (
	_ fs.ReadDirFS  = (*View)(nil)
	_ fs.ReadFileFS = (*View)(nil)
	_ fs.StatFS     = (*View)(nil)
)

// node is an entry and where its content begins.
type node struct {
	entry  Entry
	offset int64
}

// Name is the last part of the path.
func (n node) Name() string { return path.Base(n.entry.Path) }

// IsDir tells whether it is a folder.
func (n node) IsDir() bool { return n.entry.Dir }

// Type is the type bits of the mode.
func (n node) Type() fs.FileMode { return n.Mode().Type() }

// Info describes the node.
func (n node) Info() (fs.FileInfo, error) { return n, nil }

// Size of a file in bytes.
func (n node) Size() int64 { return n.entry.Size }

// Mode is that of the archive.
func (n node) Mode() fs.FileMode {
	if n.entry.Dir {
		return fs.ModeDir | n.entry.Mode
	}
	return n.entry.Mode
}

// ModTime is zero.
func (n node) ModTime() time.Time { return time.Time{} }

// Sys is nil.
func (n node) Sys() any { return nil }

func newView(data *spool.Spool) *View {
	return &View{data: data, entries: map[string]node{}, lists: map[string][]fs.DirEntry{}}
}

func (v *View) add(e Entry, offset int64) { v.entries[e.Path] = node{entry: e, offset: offset} }

// finish makes the index of what was taken, and the folders that are only
// implied by what is in them.
func (v *View) finish() error {
	entries := make([]Entry, 0, len(v.entries))
	for _, n := range v.entries {
		entries = append(entries, n.entry)
	}
	index, err := newIndex(entries)
	if err != nil {
		return err
	}
	v.index = index
	for _, e := range index.Entries() {
		v.link(e.Path)
	}
	if _, ok := v.entries["."]; !ok {
		v.entries["."] = node{entry: Entry{Path: ".", Mode: unpackedDirMode, Dir: true}}
	}
	for _, list := range v.lists {
		slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return nil
}

// link lists a path in its folder, and the folder in its own.
func (v *View) link(name string) {
	if name == "." {
		return
	}
	dir := path.Dir(name)
	_, known := v.entries[dir]
	if !known && dir != "." {
		v.entries[dir] = node{entry: Entry{Path: dir, Mode: unpackedDirMode, Dir: true}}
		v.link(dir)
	}
	v.lists[dir] = append(v.lists[dir], v.entries[name])
}

// Index is computed from what was in the archive, whatever anybody published.
func (v *View) Index() *Index { return v.index }

// Size is the number of bytes the view holds.
func (v *View) Size() int64 { return v.data.Size() }

// Close frees the bytes.
func (v *View) Close() error { return v.data.Close() }

func (v *View) lookup(op, name string) (node, error) {
	if !fs.ValidPath(name) {
		return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, ok := v.entries[name]
	if !ok {
		return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Stat describes a path.
func (v *View) Stat(name string) (fs.FileInfo, error) {
	n, err := v.lookup("stat", name)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// ReadDir lists a folder by name.
func (v *View) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := v.lookup("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("it is not a folder")}
	}
	return slices.Clone(v.lists[name]), nil
}

// ReadFile returns the content of a file after comparing it with its digest.
func (v *View) ReadFile(name string) ([]byte, error) {
	n, err := v.lookup("read", name)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("it is a folder")}
	}
	content := make([]byte, n.entry.Size)
	if _, err := io.ReadFull(io.NewSectionReader(v.data, n.offset, n.entry.Size), content); err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%w: %w", ErrTampered, err)}
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != n.entry.Digest {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrTampered}
	}
	return content, nil
}

// heldFileBytes is up to which size a file is read and checked when opened.
const heldFileBytes = 4 << 20

// Open opens a file or folder. A large file is streamed and its last read fails
// if the content is not what the digest says.
func (v *View) Open(name string) (fs.File, error) {
	n, err := v.lookup("open", name)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		return &openFolder{node: n, rest: v.lists[name]}, nil
	}
	if n.entry.Size <= heldFileBytes {
		content, err := v.ReadFile(name)
		if err != nil {
			return nil, err
		}
		return &openFile{node: n, r: bytes.NewReader(content)}, nil
	}
	section := io.NewSectionReader(v.data, n.offset, n.entry.Size)
	return &openFile{node: n, r: section, sum: sha256.New()}, nil
}

// openFile is a file being read.
type openFile struct {
	node node
	r    io.Reader
	sum  hash.Hash
	read int64
}

// Stat describes the file.
func (f *openFile) Stat() (fs.FileInfo, error) { return f.node, nil }

// Close does nothing.
func (f *openFile) Close() error { return nil }

// Read reads on, and checks at the end.
func (f *openFile) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if f.sum == nil {
		return n, err
	}
	_, _ = f.sum.Write(p[:n])
	f.read += int64(n)
	if f.read == f.node.entry.Size || errors.Is(err, io.EOF) {
		if hex.EncodeToString(f.sum.Sum(nil)) != f.node.entry.Digest {
			return 0, &fs.PathError{Op: "read", Path: f.node.entry.Path, Err: ErrTampered}
		}
	}
	return n, err
}

// openFolder is a folder being listed.
type openFolder struct {
	node

	rest []fs.DirEntry
}

// Stat describes the folder.
func (d *openFolder) Stat() (fs.FileInfo, error) { return d.node, nil }

// Read fails: a folder has no bytes.
func (d *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.entry.Path, Err: errors.New("it is a folder")}
}

// Close does nothing.
func (d *openFolder) Close() error { return nil }

// ReadDir lists the next entries.
func (d *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	count := len(d.rest)
	if n > 0 {
		if count == 0 {
			return nil, io.EOF
		}
		count = min(n, count)
	}
	out := slices.Clone(d.rest[:count])
	d.rest = d.rest[count:]
	return out, nil
}
