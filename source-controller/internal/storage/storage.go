package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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

	mu       sync.Mutex
	verified map[string]verdict
}

// verdict remembers that a file had its digest when it last changed.
type verdict struct {
	digest  string
	size    int64
	changed time.Time
}

// New opens the storage.
func New(o Options) (*Storage, error) {
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the storage folder: %w", err)
	}
	return &Storage{options: o, root: root, verified: map[string]verdict{}}, nil
}

// Ref names the artifacts of one object.
type Ref struct {
	Kind, Namespace, Name string
}

func (r Ref) dir() string {
	return path.Join(strings.ToLower(r.Kind), r.Namespace, r.Name)
}

// Content is what a writer of an artifact reports about it.
type Content struct {
	// Digest of the file as written.
	Digest string
	// Index of the content in its wire form, and its digest.
	Index       []byte
	IndexDigest string
}

// Put stores an artifact. Write gets the file to write to and reports what it
// wrote; the artifact exists only once everything is on disk.
func (s *Storage) Put(ref Ref, file, revision string, write func(io.Writer) (Content, error)) (*meta.Artifact, error) {
	dir := ref.dir()
	if err := s.root.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("creating the folder of the artifact: %w", err)
	}
	target := path.Join(dir, file)
	var content Content
	size, err := s.replace(target, func(w io.Writer) (err error) {
		if content, err = write(w); err != nil {
			return err
		}
		_, err = s.replace(target+meta.IndexSuffix, func(w io.Writer) error {
			_, err := w.Write(content.Index)
			return err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.trust(target, content.Digest); err != nil {
		return nil, err
	}
	artifact := &meta.Artifact{
		Path: target, Revision: revision, Digest: content.Digest, Size: &size,
		LastUpdateTime: metav1.NewTime(s.options.Clock.Now().Truncate(time.Second)),
		Metadata:       map[string]string{meta.MetadataIndexDigest: content.IndexDigest},
	}
	artifact.URL = s.URL(artifact)
	return artifact, nil
}

// replace writes a file beside its target, syncs it and gives it its name.
func (s *Storage) replace(target string, write func(io.Writer) error) (int64, error) {
	dir, name := path.Split(target)
	temp := path.Join(dir, partial+name)
	f, err := s.root.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return 0, fmt.Errorf("creating a file in the storage: %w", err)
	}
	size, err := fill(f, write)
	if err == nil {
		err = s.root.Rename(temp, target)
	}
	if err == nil {
		err = s.syncDir(dir)
	}
	if err != nil {
		return 0, errors.Join(err, ignoreMissing(s.root.Remove(temp)))
	}
	return size, nil
}

func fill(f *os.File, write func(io.Writer) error) (int64, error) {
	err := write(f)
	if err == nil {
		err = f.Sync()
	}
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// syncDir makes the names in a folder durable.
func (s *Storage) syncDir(dir string) error {
	d, err := s.root.Open(path.Clean(dir))
	if err != nil {
		return fmt.Errorf("syncing the folder of the artifact: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// URL returns where the artifact is served.
func (s *Storage) URL(a *meta.Artifact) string {
	return s.options.Advertised + "/" + a.Path
}

// Remove deletes everything stored for an object.
func (s *Storage) Remove(ref Ref) error {
	if err := s.root.RemoveAll(ref.dir()); err != nil {
		return fmt.Errorf("removing the artifacts of %s %s/%s: %w", ref.Kind, ref.Namespace, ref.Name, err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
