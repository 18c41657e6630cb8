package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	// indexHead is the first line of an encoded index.
	indexHead = "capstan-index 1"
	// bytesPerLine is what a line has beside its path and digest, at most times.
	bytesPerLine = 20
)

// Entry is a file or folder of an archive.
type Entry struct {
	// Path relative to the root; the root itself is ".".
	Path string
	// Mode holds the permission bits.
	Mode fs.FileMode
	// Size in bytes; zero for folders.
	Size int64
	// Digest is the sha256 of the content in hexadecimal; empty for folders.
	Digest string
	// Dir says that this is a folder.
	Dir bool
}

// Index lists what is in an archive, sorted by path. It is immutable and safe
// for concurrent use.
type Index struct {
	entries []Entry
	digest  string
	dirs    func() map[string]string
}

// newIndex sorts the entries and refuses what no archive holds.
func newIndex(entries []Entry) (*Index, error) {
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	for i, e := range entries {
		if i > 0 && entries[i-1].Path == e.Path {
			return nil, fmt.Errorf("%w: the path %q occurs twice", ErrHostile, e.Path)
		}
	}
	x := &Index{entries: slices.Clip(entries)}
	x.digest = digestOf(x.Encode())
	x.dirs = sync.OnceValue(x.listFolders)
	return x, nil
}

// Encode returns the canonical text of the index.
func (x *Index) Encode() []byte {
	size := len(indexHead) + 1
	for _, e := range x.entries {
		size += len(e.Path) + len(e.Digest) + bytesPerLine
	}
	out := append(make([]byte, 0, size), indexHead+"\n"...)
	for _, e := range x.entries {
		if e.Dir {
			out = appendMode(append(out, "d "...), e.Mode)
		} else {
			out = appendMode(append(out, "f "...), e.Mode)
			out = append(strconv.AppendInt(append(out, ' '), e.Size, 10), ' ')
			out = append(out, e.Digest...)
		}
		out = append(append(append(out, ' '), e.Path...), '\n')
	}
	return out
}

// appendMode writes permission bits as four octal digits.
func appendMode(out []byte, mode fs.FileMode) []byte {
	return append(out, '0', '0'+byte(mode>>6&7), '0'+byte(mode>>3&7), '0'+byte(mode&7))
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return SHA256 + ":" + hex.EncodeToString(sum[:])
}

// Digest is the sha256 of the encoded text, as it stands in the status of a
// source.
func (x *Index) Digest() string { return x.digest }

// Len is the number of entries.
func (x *Index) Len() int { return len(x.entries) }

// Entries returns the entries in order of their paths; callers do not change
// them.
func (x *Index) Entries() []Entry { return x.entries }

// Entry returns the entry of a path.
func (x *Index) Entry(name string) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(x.entries, name, func(e Entry, want string) int { return strings.Compare(e.Path, want) })
	if !ok {
		return Entry{}, false
	}
	return x.entries[i], true
}

// File returns the digest of a file's content.
func (x *Index) File(name string) (digest string, ok bool) {
	e, ok := x.Entry(name)
	if !ok || e.Dir {
		return "", false
	}
	return SHA256 + ":" + e.Digest, true
}

// Dir returns a digest of the names and kinds of a folder's direct children: it
// changes when a listing of the folder does, and not when a file below it does.
func (x *Index) Dir(name string) (digest string, ok bool) {
	digest, ok = x.dirs()[name]
	return digest, ok
}

// listFolders folds the listing of every folder. A folder also exists if only
// something below it was packed.
func (x *Index) listFolders() map[string]string {
	children := map[string]map[string]byte{".": {}}
	var add func(name string, kind byte)
	add = func(name string, kind byte) {
		if kind == 'd' && children[name] == nil {
			children[name] = map[string]byte{}
		}
		if name == "." {
			return
		}
		parent := path.Dir(name)
		if children[parent] == nil {
			add(parent, 'd')
		}
		children[parent][path.Base(name)] = kind
	}
	for _, e := range x.entries {
		if e.Dir {
			add(e.Path, 'd')
		} else {
			add(e.Path, 'f')
		}
	}
	digests := make(map[string]string, len(children))
	for dir, list := range children {
		names := make([]string, 0, len(list))
		for name, kind := range list {
			names = append(names, name+"\x00"+string(kind)+"\n")
		}
		slices.Sort(names)
		digests[dir] = digestOf([]byte(strings.Join(names, "")))
	}
	return digests
}

// IndexLimits bound an index that comes from elsewhere. A zero field takes its
// default.
type IndexLimits struct {
	// Bytes of the text; 256 MiB.
	Bytes int64
	// Entries in it; DefaultMaxFiles.
	Entries int
}

func (l IndexLimits) withDefaults() IndexLimits {
	if l.Bytes == 0 {
		l.Bytes = 256 << 20
	}
	if l.Entries == 0 {
		l.Entries = DefaultMaxFiles
	}
	return l
}

// DecodeIndex reads the text of an index. Only canonical text is accepted: what
// Encode would not write is refused.
func DecodeIndex(text []byte, limits IndexLimits) (*Index, error) {
	limits = limits.withDefaults()
	if int64(len(text)) > limits.Bytes {
		return nil, fmt.Errorf("reading the index: %w: more than %d bytes", ErrLimit, limits.Bytes)
	}
	head, rest, _ := strings.Cut(string(text), "\n")
	if head != indexHead {
		return nil, fmt.Errorf("reading the index: %w: it is not an index of a version understood here", ErrHostile)
	}
	entries := make([]Entry, 0, min(strings.Count(rest, "\n"), limits.Entries))
	for line := range strings.Lines(rest) {
		if len(entries) >= limits.Entries {
			return nil, fmt.Errorf("reading the index: %w: more than %d entries", ErrLimit, limits.Entries)
		}
		e, ok := parseEntry(strings.TrimSuffix(line, "\n"))
		if !ok {
			return nil, fmt.Errorf("reading the index: %w: malformed line %d", ErrHostile, len(entries)+2)
		}
		entries = append(entries, e)
	}
	x, err := newIndex(entries)
	if err != nil {
		return nil, fmt.Errorf("reading the index: %w", err)
	}
	if x.digest != digestOf(text) {
		return nil, fmt.Errorf("reading the index: %w: it is not in canonical form", ErrHostile)
	}
	return x, nil
}

func parseEntry(line string) (Entry, bool) {
	kind, rest, _ := strings.Cut(line, " ")
	modeText, rest, _ := strings.Cut(rest, " ")
	mode, err := strconv.ParseUint(modeText, 8, 9)
	if err != nil {
		return Entry{}, false
	}
	e := Entry{Mode: fs.FileMode(mode)}
	switch kind {
	case "d":
		e.Dir, e.Path = true, rest
	case "f":
		var size string
		size, rest, _ = strings.Cut(rest, " ")
		e.Digest, e.Path, _ = strings.Cut(rest, " ")
		if e.Size, err = strconv.ParseInt(size, 10, 64); err != nil || e.Size < 0 {
			return Entry{}, false
		}
		if len(e.Digest) != hex.EncodedLen(sha256.Size) || strings.Trim(e.Digest, "0123456789abcdef") != "" {
			return Entry{}, false
		}
	default:
		return Entry{}, false
	}
	if checkPath(e.Path) != nil || e.Path == "." && !e.Dir {
		return Entry{}, false
	}
	return e, true
}
