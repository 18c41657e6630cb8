// Package record keeps what a build learned from a tree, and finds from the index
// of a newer tree whether it would learn the same.
package record

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
)

// Kind says what a look-up found.
type Kind string

const (
	// KindFile is a regular file. Its digest is that of its content, or empty
	// where only its presence mattered.
	KindFile Kind = "file"
	// KindDir is a directory. Its digest is that of its listing (see DirDigest),
	// or empty where only its presence mattered.
	KindDir Kind = "dir"
	// KindAbsent is a path at which there was nothing.
	KindAbsent Kind = "absent"
)

// Entry is one thing a build learned from the tree.
type Entry struct {
	Kind   Kind   `json:"kind"`
	Path   string `json:"path"`
	Digest string `json:"digest,omitempty"`
}

// Tree answers for the content of a tree without the tree being at hand. Paths
// are slash-separated and relative; "." is the root.
type Tree interface {
	// File returns the digest of a regular file's content.
	File(path string) (digest string, ok bool)
	// Dir returns the digest of a directory's listing, as DirDigest makes it.
	Dir(path string) (digest string, ok bool)
}

// Recording is what a build read, sorted by path and kind.
type Recording struct {
	Entries []Entry `json:"entries"`
	// Remote says that the build used something outside the tree.
	Remote bool `json:"remote,omitempty"`
}

// Untraceable reports whether the result depends on something a Tree cannot
// answer for. Such a build is never skipped.
func (r Recording) Untraceable() bool { return r.Remote }

// Digest folds the recording into one value.
func (r Recording) Digest() string {
	h := sha256.New()
	if r.Remote {
		_, _ = io.WriteString(h, "remote\n")
	}
	for _, e := range r.Entries {
		_, _ = io.WriteString(h, string(e.Kind)+"\x00"+e.Path+"\x00"+e.Digest+"\n")
	}
	return digestPrefix + hex.EncodeToString(h.Sum(nil))
}

// Check returns the recorded paths at which tree now answers otherwise. An empty
// result means that a build of tree gives what the recorded build gave.
func (r Recording) Check(tree Tree) (changed []string) {
	for _, e := range r.Entries {
		if !e.holds(tree) {
			changed = append(changed, e.Path)
		}
	}
	return slices.Compact(changed)
}

func (e Entry) holds(tree Tree) bool {
	var digest string
	var ok bool
	switch e.Kind {
	case KindFile:
		digest, ok = tree.File(e.Path)
	case KindDir:
		digest, ok = tree.Dir(e.Path)
	default:
		_, file := tree.File(e.Path)
		_, dir := tree.Dir(e.Path)
		return !file && !dir
	}
	return ok && (e.Digest == "" || e.Digest == digest)
}

// Child is a direct child of a directory.
type Child struct {
	Name string
	Dir  bool
}

const digestPrefix = "sha256:"

// FileDigest returns the digest of a file's content: "sha256:" and lower-case
// hexadecimal.
func FileDigest(content []byte) string {
	sum := sha256.Sum256(content)
	return digestPrefix + hex.EncodeToString(sum[:])
}

// DirDigest returns the digest of a directory's listing: "sha256:" and lower-case
// hexadecimal, over the children sorted by name, each written as its name, a NUL,
// "d" or "f", and a newline. Only regular files and directories are children. The
// index of an artifact makes it in the same way.
func DirDigest(children []Child) string {
	sorted := slices.Clone(children)
	slices.SortFunc(sorted, func(a, b Child) int { return cmp.Compare(a.Name, b.Name) })
	h := sha256.New()
	for _, c := range sorted {
		kind := "f"
		if c.Dir {
			kind = "d"
		}
		_, _ = io.WriteString(h, c.Name+"\x00"+kind+"\n")
	}
	return digestPrefix + hex.EncodeToString(h.Sum(nil))
}

// Recorder collects entries. A digest once learned for a path is kept: content
// implies presence.
type Recorder map[Entry]string

// Add notes what was found at a path. The digest is empty where only presence
// mattered.
func (r Recorder) Add(kind Kind, path, digest string) {
	key := Entry{Kind: kind, Path: path}
	if digest != "" || r[key] == "" {
		r[key] = digest
	}
}

// Recording returns the entries in their order.
func (r Recorder) Recording() Recording {
	entries := make([]Entry, 0, len(r))
	for e, digest := range r {
		e.Digest = digest
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
	})
	return Recording{Entries: entries}
}
