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
	data  *spool.Spool
	index *Index
	// entries are those of the index and the folders that are only implied by what
	// is in them, sorted by path; offsets tell where the content of each begins.
	entries []Entry
	offsets []int64
	// lists are the places among the entries of what a folder holds.
	lists map[string][]int32
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

// IsDir reports whether it is a folder.
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

// newView returns a view of what was taken, each path once.
func newView(data *spool.Spool, taken []node) (*View, error) {
	entries := make([]Entry, 0, len(taken))
	for _, n := range taken {
		entries = append(entries, n.entry)
	}
	index, err := newIndex(entries)
	if err != nil {
		return nil, err
	}
	v := &View{data: data, index: index, entries: index.entries}
	taken = append(taken, implied(index)...)
	slices.SortFunc(taken, func(a, b node) int { return strings.Compare(a.entry.Path, b.entry.Path) })
	if len(taken) > len(v.entries) {
		v.entries = make([]Entry, 0, len(taken))
		for _, n := range taken {
			v.entries = append(v.entries, n.entry)
		}
	}
	v.offsets = make([]int64, 0, len(taken))
	for _, n := range taken {
		v.offsets = append(v.offsets, n.offset)
	}
	v.list()
	return v, nil
}

// implied returns the folders that are in no archive and have something in them.
// The root is always there.
func implied(index *Index) (folders []node) {
	known := map[string]bool{}
	add := func(dir string) bool {
		if known[dir] {
			return false
		}
		known[dir] = true
		if _, ok := index.Entry(dir); !ok {
			folders = append(folders, node{entry: Entry{Path: dir, Mode: unpackedDirMode, Dir: true}})
		}
		return dir != "."
	}
	add(".")
	for _, e := range index.entries {
		for dir := path.Dir(e.Path); add(dir); dir = path.Dir(dir) {
		}
	}
	return folders
}

// list enters every path in its folder. Paths in one folder are in the order of
// their names, because the entries are sorted.
func (v *View) list() {
	v.lists = map[string][]int32{}
	for i, e := range v.entries {
		if e.Path == "." {
			continue
		}
		dir := path.Dir(e.Path)
		v.lists[dir] = append(v.lists[dir], int32(i)) //nolint:gosec // There are fewer entries.
	}
}

// share takes an equal index in the place of its own.
func (v *View) share(index *Index) {
	if len(v.entries) == len(v.index.entries) {
		v.entries = index.entries
	}
	v.index = index
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
	i, ok := slices.BinarySearchFunc(v.entries, name, func(e Entry, want string) int { return strings.Compare(e.Path, want) })
	if !ok {
		return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return v.at(i), nil
}

func (v *View) at(i int) node { return node{entry: v.entries[i], offset: v.offsets[i]} }

// listed returns what a folder holds.
func (v *View) listed(dir string) []fs.DirEntry {
	out := make([]fs.DirEntry, 0, len(v.lists[dir]))
	for _, i := range v.lists[dir] {
		out = append(out, v.at(int(i)))
	}
	return out
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
	return v.listed(name), nil
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
		return &openFolder{node: n, rest: v.listed(name)}, nil
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
