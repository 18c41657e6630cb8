// Package bases keeps the remote bases of one build: what was fetched, under which
// name the build sees it, and how that name is kept out of what people see.
package bases

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"sigs.k8s.io/kustomize/api/provider"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bomb"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/refusal"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
)

// Options bound a Set.
type Options struct {
	// Fetch gets a tree.
	Fetch remote.Fetch
	// Key makes the names of trees impossible to guess.
	Key []byte
	// Count is the number of different references.
	Count int
	// FileBytes is the size of a file.
	FileBytes int64
}

// Set are the remote bases of one build. It belongs to one goroutine at a time.
type Set struct {
	options Options
	bases   map[remote.Ref]*base
}

type base struct {
	token string
	files fs.FS
	// other says that there is no file with objects at the address, so that it
	// may be that of a repository.
	other bool
}

// New returns an empty Set.
func New(o Options) *Set { return &Set{options: o, bases: map[remote.Ref]*base{}} }

// Need is the error of a build that lacks references.
type Need struct{ Refs []remote.Ref }

// Error says how many.
func (n *Need) Error() string { return fmt.Sprintf("%d remote bases are to be fetched", len(n.Refs)) }

// Place is where a build finds what an address names.
type Place struct {
	Token string
	// Label is how it may be shown.
	Label string
	Files fs.FS
	Path  string
}

// Find returns the place of an address, or the reference that has to be fetched to
// know. A component is always a directory.
func (s *Set) Find(address string, component bool) (Place, *remote.Ref, error) {
	locations, err := remote.Parse(address)
	if err != nil {
		return Place{}, nil, refusal.New("%w", err)
	}
	var place Place
	for _, l := range locations {
		if component && l.Ref.Kind == remote.KindFile {
			continue
		}
		have, ok := s.bases[l.Ref]
		if !ok {
			return Place{}, &l.Ref, nil
		}
		if have.files != nil {
			place = Place{Token: have.token, Label: l.Ref.Address(), Files: have.files, Path: l.Path}
		}
		if !have.other {
			return place, nil, nil
		}
	}
	if place.Files == nil {
		return Place{}, nil, refusal.New("the address answers neither with a file nor as a repository")
	}
	return place, nil, nil
}

// Fetch gets references.
func (s *Set) Fetch(ctx context.Context, refs []remote.Ref) error {
	fresh := map[remote.Ref]bool{}
	for _, ref := range refs {
		if s.bases[ref] == nil {
			fresh[ref] = true
		}
	}
	if len(s.bases)+len(fresh) > s.options.Count {
		return refusal.New("the build refers to more than %d remote bases", s.options.Count)
	}
	for _, ref := range refs {
		if !fresh[ref] {
			continue
		}
		fresh[ref] = false
		files, err := s.get(ctx, ref)
		if err != nil && (ref.Kind != remote.KindFile || !errors.Is(err, remote.ErrNotFile)) {
			return refusal.New("fetching remote base %q: %w", ref.Address(), err)
		}
		b := &base{token: s.token(ref), files: files}
		b.other = ref.Kind == remote.KindFile && (err != nil || !s.holdsObjects(files))
		s.bases[ref] = b
	}
	return nil
}

func (s *Set) get(ctx context.Context, ref remote.Ref) (files fs.FS, err error) {
	defer func() {
		if p := recover(); p != nil {
			files, err = nil, fmt.Errorf("the fetcher gave up (%T)", p)
		}
	}()
	files, err = s.options.Fetch(ctx, ref)
	if err == nil && files == nil {
		err = errors.New("nothing came")
	}
	if err != nil {
		return nil, err
	}
	return files, nil
}

// token names a base for one process and nobody else.
func (s *Set) token(ref remote.Ref) string {
	h := hmac.New(sha256.New, s.options.Key)
	_, _ = fmt.Fprintf(h, "%s %q %q %t", ref.Kind, ref.URL, ref.Revision, ref.Submodules)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// holdsObjects reports whether a file is one that the library would take. A file
// that is refused anyway counts: the reader says why.
func (s *Set) holdsObjects(files fs.FS) bool {
	f, err := files.Open(remote.FileName)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, s.options.FileBytes+1))
	if err != nil || int64(len(data)) > s.options.FileBytes || bomb.Inspect(data) != nil {
		return true
	}
	_, err = provider.NewDefaultDepProvider().GetResourceFactory().SliceFromBytes(data)
	return err == nil
}

// Close closes the trees that want it.
func (s *Set) Close() {
	for _, b := range s.bases {
		if c, ok := b.files.(io.Closer); ok {
			_ = c.Close()
		}
	}
	clear(s.bases)
}
