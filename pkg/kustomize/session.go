package kustomize

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bomb"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

// session is one attempt at one build: what it may still consume, what it has
// seen, and why it was refused. It belongs to one goroutine.
type session struct {
	ctx     context.Context //nolint:containedctx // the library's file system interface takes none
	tree    fs.FS
	limits  Limits
	decrypt func(path string, data []byte) ([]byte, error)
	// ownSchema says that the process-wide schema is ours to change.
	ownSchema bool

	kinds    map[string]record.Kind
	content  map[string][]byte
	generate map[string][]byte
	seen     record.Recorder

	// encrypted are the files that go through decrypt; pinned are those that
	// were judged by their content and must not change after that.
	encrypted map[string]bool
	pinned    map[string]bool
	// hide are texts that must not appear in an error.
	hide []string

	depth   map[string]int
	guarded map[string]*guarded

	reads, looks, loads, objects, transforms int
	bytes                                    int64
	err                                      error
}

func newSession(ctx context.Context, req Request) *session {
	return &session{
		ctx:       ctx,
		tree:      req.FS,
		limits:    req.Limits,
		decrypt:   req.Decrypt,
		kinds:     map[string]record.Kind{},
		content:   map[string][]byte{},
		generate:  map[string][]byte{},
		seen:      record.Recorder{},
		encrypted: map[string]bool{},
		pinned:    map[string]bool{},
		depth:     map[string]int{},
		guarded:   map[string]*guarded{},
	}
}

// stop keeps the first reason why the build cannot go on. From then on every
// access answers it, so that the library comes to an end.
func (s *session) stop(err error) error {
	if s.err == nil {
		s.err = err
	}
	return s.err
}

func (s *session) alive() error {
	if s.err != nil {
		return s.err
	}
	if err := s.ctx.Err(); err != nil {
		return s.stop(context.Cause(s.ctx))
	}
	return nil
}

// within joins entry to dir and refuses what leaves the tree.
func (s *session) within(dir, entry string) (string, error) {
	if path.IsAbs(entry) {
		return "", refuse("path %q is absolute: paths are relative and stay within the artifact", clip(entry))
	}
	if strings.ContainsRune(entry, 0) {
		return "", refuse("path %q in %q holds a NUL byte", clip(entry), dir)
	}
	joined := path.Join(dir, entry)
	if joined == ".." || strings.HasPrefix(joined, "../") {
		return "", refuse("path %q in %q leaves the artifact", clip(entry), dir)
	}
	return joined, nil
}

// look says what is at a path of the tree and records the answer.
func (s *session) look(name string) (record.Kind, error) {
	kind, err := s.probe(name)
	if err != nil {
		return "", s.stop(err)
	}
	s.seen.Add(kind, name, "")
	return kind, nil
}

// probe is look without a record. A path below something that is not a directory
// is absent.
func (s *session) probe(name string) (record.Kind, error) {
	if err := s.alive(); err != nil {
		return "", err
	}
	if kind, ok := s.kinds[name]; ok {
		return kind, nil
	}
	if !fs.ValidPath(name) {
		return record.KindAbsent, nil
	}
	if s.looks++; s.looks > 8*s.limits.Files {
		return "", refuse("the build looks up more than %d paths", 8*s.limits.Files)
	}
	if name != "." {
		parent, err := s.probe(path.Dir(name))
		if err != nil || parent != record.KindDir {
			return record.KindAbsent, err
		}
	}
	kind, err := s.stat(name)
	if err == nil {
		s.kinds[name] = kind
	}
	return kind, err
}

func (s *session) stat(name string) (record.Kind, error) {
	info, err := fs.Lstat(s.tree, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return record.KindAbsent, nil
	case err != nil:
		return "", refuse("reading %q: the artifact cannot be read there", clip(name))
	case info.IsDir():
		return record.KindDir, nil
	case info.Mode().IsRegular():
		return record.KindFile, nil
	case info.Mode()&fs.ModeSymlink != 0:
		return "", refuse("path %q is a symbolic link: artifacts carry none and a build cannot use one", clip(name))
	}
	return "", refuse("path %q is not a regular file", clip(name))
}

// read returns a file's content as the build is to see it, once and for all: a
// file is read, digested, decrypted and inspected at its first use.
func (s *session) read(name string) ([]byte, error) {
	if s.reads++; s.reads > s.limits.Files {
		return nil, s.stop(refuse("the build reads more than %d files", s.limits.Files))
	}
	if data, ok := s.content[name]; ok {
		return data, nil
	}
	data, err := s.fetch(name)
	if err != nil {
		return nil, s.stop(err)
	}
	s.seen.Add(record.KindFile, name, record.FileDigest(data))
	if s.encrypted[name] && s.decrypt != nil {
		plain, err := s.decrypt(name, data)
		if err != nil {
			return nil, s.stop(refuse("decrypting %q: %w", clip(name), err))
		}
		s.conceal(data, plain)
		data = plain
	}
	if err := bomb.Inspect(data); err != nil {
		return nil, s.stop(refuse("file %q is refused: %s", clip(name), err.Error()))
	}
	s.content[name] = data
	return data, nil
}

func (s *session) fetch(name string) ([]byte, error) {
	f, err := s.tree.Open(name)
	if err != nil {
		return nil, refuse("reading %q: the artifact cannot be read there", clip(name))
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, s.limits.FileBytes+1))
	if err != nil {
		return nil, refuse("reading %q: the artifact cannot be read there", clip(name))
	}
	if int64(len(data)) > s.limits.FileBytes {
		return nil, refuse("file %q is larger than %d bytes", clip(name), s.limits.FileBytes)
	}
	if s.bytes += int64(len(data)); s.bytes > s.limits.Bytes {
		return nil, refuse("the build reads more than %d bytes", s.limits.Bytes)
	}
	return data, nil
}

// conceal keeps what a decrypted file says out of errors, line by line and value
// by value.
func (s *session) conceal(cipher, plain []byte) {
	if string(cipher) == string(plain) {
		return
	}
	for line := range strings.Lines(string(plain)) {
		line = strings.TrimSpace(line)
		for _, sep := range []string{"=", ": "} {
			if _, value, ok := strings.Cut(line, sep); ok && len(value) > 2 {
				s.hide = append(s.hide, line, strings.Trim(value, `"' `))
			}
		}
		if len(line) > 2 {
			s.hide = append(s.hide, line)
		}
	}
}

// list returns a directory's children and records the listing.
func (s *session) list(dir string) ([]record.Child, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	if s.reads++; s.reads > s.limits.Files {
		return nil, s.stop(refuse("the build reads more than %d files", s.limits.Files))
	}
	entries, err := fs.ReadDir(s.tree, dir)
	if err != nil {
		return nil, s.stop(refuse("listing %q: the artifact cannot be read there", clip(dir)))
	}
	children := make([]record.Child, 0, len(entries))
	for _, e := range entries {
		if e.IsDir() || e.Type().IsRegular() {
			children = append(children, record.Child{Name: e.Name(), Dir: e.IsDir()})
		}
	}
	s.seen.Add(record.KindDir, dir, record.DirDigest(children))
	return children, nil
}

// count adds what a file brings to the build and refuses a product that would
// keep a worker busy for minutes.
func (s *session) count(objects, transforms int) error {
	s.objects += objects
	s.transforms += transforms
	if s.objects > s.limits.Objects {
		return s.stop(refuse("the build holds more than %d objects", s.limits.Objects))
	}
	if s.objects*s.transforms > s.limits.Pairs {
		return s.stop(refuse("%d objects times %d transformations are more than the limit of %d",
			s.objects, s.transforms, s.limits.Pairs))
	}
	return nil
}

func clip(text string) string {
	const most = 256
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
