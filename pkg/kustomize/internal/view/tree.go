// Package view is a build's view of the files it may use: confined, bounded,
// recorded, and the same to whoever asks twice.
//
// A name is slash-separated and relative to the artifact's root. What was fetched
// from elsewhere is mounted beside the artifact, at a name no tree can spell: "../"
// and a token. The paths of one mount, or of the artifact, never lead into another.
package view

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bomb"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/refusal"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

// Limits bounds what is read.
type Limits struct {
	// Files is the number of reads, a file that is read twice counting twice.
	Files int
	// FileBytes is the size of one file.
	FileBytes int64
	// Bytes is the size of all different files together.
	Bytes int64
}

// Tree is what one build sees and has seen. It belongs to one goroutine.
type Tree struct {
	ctx     context.Context //nolint:containedctx // the library's file system interface takes none
	files   fs.FS
	limits  Limits
	decrypt func(path string, data []byte) ([]byte, error)
	mounts  map[string]mount

	kinds   map[string]record.Kind
	content map[string][]byte
	seen    record.Recorder

	// encrypted are the files that go through decrypt, decrypted those it has
	// changed; pinned are those that were judged by their content and must not
	// change after that.
	encrypted, decrypted, patches map[string]bool
	pinned                        map[string]bool
	spent                         spent
	err                           error
}

// spent is what counts against the limits.
type spent struct {
	reads, lookups int
	bytes          int64
}

// New returns a view of files. It ends with ctx.
func New(ctx context.Context, files fs.FS, limits Limits, decrypt func(string, []byte) ([]byte, error)) *Tree {
	return &Tree{
		ctx: ctx, files: files, limits: limits, decrypt: decrypt,
		mounts:    map[string]mount{},
		kinds:     map[string]record.Kind{},
		content:   map[string][]byte{},
		seen:      record.Recorder{},
		encrypted: map[string]bool{},
		decrypted: map[string]bool{},
		patches:   map[string]bool{},
		pinned:    map[string]bool{},
	}
}

// Recording is what was learned from the artifact.
func (t *Tree) Recording() record.Recording {
	out := t.seen.Recording()
	out.Remote = len(t.mounts) > 0
	return out
}

// Stop keeps the first reason why the build cannot go on. From then on every
// access answers it, so that the library comes to an end.
func (t *Tree) Stop(err error) error {
	if t.err == nil {
		t.err = err
	}
	return t.err
}

// Err is the reason why the build was stopped.
func (t *Tree) Err() error { return t.err }

// Alive returns the reason why the build cannot go on, if there is one.
func (t *Tree) Alive() error {
	if t.err == nil && t.ctx.Err() != nil {
		t.err = context.Cause(t.ctx)
	}
	return t.err
}

// Try runs f. If f says no, its reads and why it was stopped are forgotten, as if
// it had not run. What it has seen stays: nothing is fetched or counted twice.
func (t *Tree) Try(f func() bool) bool {
	before := t.spent.reads
	if f() && t.err == nil {
		return true
	}
	t.spent.reads, t.err = before, nil
	return false
}

// Within joins entry to dir and refuses what leaves the tree that dir is in.
func (t *Tree) Within(dir, entry string) (string, error) {
	if path.IsAbs(entry) {
		return "", refusal.New("path %q is absolute: paths are relative and stay within the artifact", refusal.Clip(entry))
	}
	if strings.ContainsRune(entry, 0) {
		return "", refusal.New("path %q in %q holds a NUL byte", refusal.Clip(entry), t.Show(dir))
	}
	joined := path.Join(dir, entry)
	mount := mountOf(dir)
	inside := joined != ".." && !strings.HasPrefix(joined, "../")
	if mount != "" {
		inside = joined == mount || strings.HasPrefix(joined, mount+"/")
	}
	if !inside {
		return "", refusal.New("path %q in %q leaves the artifact", refusal.Clip(entry), t.Show(dir))
	}
	return joined, nil
}

// Lookup says what is at a path of the tree and records the answer.
func (t *Tree) Lookup(name string) (record.Kind, error) {
	kind, err := t.probe(name)
	if err != nil {
		return "", t.Stop(err)
	}
	t.record(kind, name, "")
	return kind, nil
}

func (t *Tree) record(kind record.Kind, name, digest string) {
	if mountOf(name) == "" {
		t.seen.Add(kind, name, digest)
	}
}

// probe is Lookup without a record. A path below something that is not a directory
// is absent.
func (t *Tree) probe(name string) (record.Kind, error) {
	if err := t.Alive(); err != nil {
		return "", err
	}
	if kind, ok := t.kinds[name]; ok {
		return kind, nil
	}
	files, inner := t.resolve(name)
	if files == nil || !fs.ValidPath(inner) {
		return record.KindAbsent, nil
	}
	if t.spent.lookups++; t.spent.lookups > 8*t.limits.Files {
		return "", refusal.New("the build looks up more than %d paths", 8*t.limits.Files)
	}
	if inner != "." {
		parent, err := t.probe(path.Dir(name))
		if err != nil || parent != record.KindDir {
			return record.KindAbsent, err
		}
	}
	kind, err := t.stat(files, inner, name)
	if err == nil {
		t.kinds[name] = kind
	}
	return kind, err
}

func (t *Tree) stat(files fs.FS, inner, name string) (record.Kind, error) {
	info, err := fs.Lstat(files, inner)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return record.KindAbsent, nil
	case err != nil:
		return "", refusal.New("reading %q: the artifact cannot be read there", t.Show(name))
	case info.IsDir():
		return record.KindDir, nil
	case info.Mode().IsRegular():
		return record.KindFile, nil
	case info.Mode()&fs.ModeSymlink != 0:
		return "", refusal.New("path %q is a symbolic link: artifacts carry none and a build cannot use one", t.Show(name))
	}
	return "", refusal.New("path %q is not a regular file", t.Show(name))
}

// Read returns a file's content as the build is to see it, once and for all: a
// file is read, digested, decrypted and inspected at its first use.
func (t *Tree) Read(name string) ([]byte, error) {
	if err := t.count(); err != nil {
		return nil, err
	}
	if data, ok := t.content[name]; ok {
		return data, nil
	}
	data, err := t.fetch(name)
	if err != nil {
		return nil, t.Stop(err)
	}
	t.record(record.KindFile, name, record.FileDigest(data))
	if t.encrypted[name] && t.decrypt != nil {
		plain, err := t.decrypt(name, data)
		if err != nil {
			return nil, t.Stop(refusal.New("decrypting %q: %w", t.Show(name), err))
		}
		t.decrypted[name] = t.decrypted[name] || string(data) != string(plain)
		data = plain
	}
	if err := bomb.Inspect(data); err != nil {
		return nil, t.Stop(refusal.New("file %q is refused: %s", t.Show(name), err.Error()))
	}
	t.content[name] = data
	return data, nil
}

func (t *Tree) count() error {
	if t.spent.reads++; t.spent.reads > t.limits.Files {
		return t.Stop(refusal.New("the build reads more than %d files", t.limits.Files))
	}
	return nil
}

func (t *Tree) fetch(name string) ([]byte, error) {
	unreadable := refusal.New("reading %q: the artifact cannot be read there", t.Show(name))
	files, inner := t.resolve(name)
	if files == nil {
		return nil, unreadable
	}
	f, err := files.Open(inner)
	if err != nil {
		return nil, unreadable
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, t.limits.FileBytes+1))
	if err != nil {
		return nil, unreadable
	}
	if int64(len(data)) > t.limits.FileBytes {
		return nil, refusal.New("file %q is larger than %d bytes", t.Show(name), t.limits.FileBytes)
	}
	if t.spent.bytes += int64(len(data)); t.spent.bytes > t.limits.Bytes {
		return nil, refusal.New("the build reads more than %d bytes", t.limits.Bytes)
	}
	return data, nil
}

// List returns a directory's children and records the listing.
func (t *Tree) List(dir string) ([]record.Child, error) {
	if err := t.Alive(); err != nil {
		return nil, err
	}
	if err := t.count(); err != nil {
		return nil, err
	}
	files, inner := t.resolve(dir)
	if files == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(files, inner)
	if err != nil {
		return nil, t.Stop(refusal.New("listing %q: the artifact cannot be read there", t.Show(dir)))
	}
	children := make([]record.Child, 0, len(entries))
	for _, e := range entries {
		if e.IsDir() || e.Type().IsRegular() {
			children = append(children, record.Child{Name: e.Name(), Dir: e.IsDir()})
		}
	}
	t.record(record.KindDir, dir, record.DirDigest(children))
	return children, nil
}
