package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/apis/meta"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
	// partial starts the name of a file that is being written.
	partial = ".partial-"
)

// ErrDamaged says that a stored artifact is gone or not what it was.
var ErrDamaged = errors.New("the stored artifact is missing or damaged")

// Options say how a Storage keeps artifacts.
type Options struct {
	// Dir is the root folder; it has to exist.
	Dir string
	// Advertised starts the URL of every artifact.
	Advertised string
	// TTL is how long an artifact that is no longer current is kept.
	TTL time.Duration
	// Records is how many artifacts of an object are kept.
	Records int
	Clock   clock.PassiveClock
}

// Storage keeps artifacts below one folder.
type Storage struct {
	options Options
	root    *os.Root

	mu sync.Mutex
	// verified holds the files that had their digest when they last changed:
	// artifacts and indexes. These are served.
	verified map[string]stamp
	// records holds the records on disk that were written or read.
	records map[string]record
}

// New opens the storage.
func New(o Options) (*Storage, error) {
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the storage folder: %w", err)
	}
	return &Storage{options: o, root: root, verified: map[string]stamp{}, records: map[string]record{}}, nil
}

// Ref names the artifacts of one object.
type Ref struct {
	Kind, Namespace, Name string
}

func (r Ref) dir() string {
	return path.Join(strings.ToLower(r.Kind), r.Namespace, r.Name)
}

// Entry says what an artifact is stored as.
type Entry struct {
	// File is its name in the folder of its object.
	File string
	// Revision of the source.
	Revision string
	// Metadata of the artifact. The digest of the index is added by Put, whatever
	// stands here.
	Metadata map[string]string
}

// Writer writes the file of an artifact and reports what it wrote.
type Writer func(io.Writer) (Written, error)

// Written is what a Writer reports.
type Written struct {
	// Digest of the file.
	Digest string
	// Index of the content in its wire form; nil for content without one.
	Index []byte
	// IndexDigest is the digest of Index.
	IndexDigest string
}

// Put stores an artifact; it exists only once everything is on disk.
func (s *Storage) Put(ref Ref, e Entry, write Writer) (*meta.Artifact, error) {
	if path.Base(e.File) != e.File || strings.HasPrefix(e.File, ".") || strings.HasSuffix(e.File, meta.IndexSuffix) {
		return nil, fmt.Errorf("storing an artifact: %q is not a name for one", e.File)
	}
	dir := ref.dir()
	if err := s.root.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("creating the folder of the artifact: %w", err)
	}
	stored, err := s.write(dir, e.File, write)
	if err != nil {
		return nil, err
	}
	target := path.Join(dir, e.File)
	if err := s.trust(target, stored); err != nil {
		return nil, err
	}
	artifact := &meta.Artifact{
		Path: target, Revision: e.Revision, Digest: stored.Digest, Size: &stored.Size,
		LastUpdateTime: metav1.NewTime(s.options.Clock.Now().Truncate(time.Second)),
		Metadata:       metadata(e.Metadata, stored.IndexDigest),
	}
	artifact.URL = s.URL(artifact)
	return artifact, nil
}

// write writes an artifact with what belongs to it.
func (s *Storage) write(dir, file string, write Writer) (stored record, err error) {
	b := s.batch(dir)
	var written Written
	stored.Size, err = b.write(file, func(w io.Writer) (err error) {
		written, err = write(w)
		return err
	})
	stored.Digest = written.Digest
	if err == nil && written.Index != nil {
		stored.IndexDigest = written.IndexDigest
		_, err = b.write(file+meta.IndexSuffix, func(w io.Writer) error {
			_, err := w.Write(written.Index)
			return err
		})
	}
	if err == nil {
		_, err = b.write(recordPrefix+file, stored.write)
	}
	return stored, b.finish(err)
}

// metadata returns that of the source with the digest of the index. A source has
// no say in the latter: consumers rely on it.
func metadata(source map[string]string, indexDigest string) map[string]string {
	all := maps.Clone(source)
	delete(all, meta.MetadataIndexDigest)
	if indexDigest != "" {
		if all == nil {
			all = map[string]string{}
		}
		all[meta.MetadataIndexDigest] = indexDigest
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// URL returns where the artifact is served.
func (s *Storage) URL(a *meta.Artifact) string {
	return s.options.Advertised + "/" + a.Path
}

// Remove deletes everything stored for an object.
func (s *Storage) Remove(ref Ref) error {
	dir := ref.dir()
	if err := s.root.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing the artifacts of %s %s/%s: %w", ref.Kind, ref.Namespace, ref.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.verified, func(name string, _ stamp) bool { return path.Dir(name) == dir })
	maps.DeleteFunc(s.records, func(name string, _ record) bool { return path.Dir(name) == dir })
	return nil
}
