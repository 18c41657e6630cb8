package storage

import (
	"encoding/json"
	"fmt"
	"io"
	"path"

	"github.com/capstan-gitops/capstan/apis/meta"
)

const (
	// recordPrefix starts the name of the record of an artifact.
	recordPrefix = ".record-"
	// maxRecord bounds a record, in bytes.
	maxRecord = 4 << 10
)

// record says what was stored under the name of an artifact.
type record struct {
	// Digest and Size of the artifact file.
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// IndexDigest is that of the index; empty if there is none.
	IndexDigest string `json:"indexDigest,omitempty"`
}

// recordPath returns where the record of an artifact is.
func recordPath(artifact string) string {
	dir, name := path.Split(artifact)
	return path.Join(dir, recordPrefix+name)
}

func (r record) write(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// readRecord returns the record of an artifact; one that cannot be read is none.
func (s *Storage) readRecord(artifact string) (r record, ok bool) {
	f, err := s.root.Open(recordPath(artifact))
	if err != nil {
		return record{}, false
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxRecord)).Decode(&r); err != nil {
		return record{}, false
	}
	return r, r.Digest != ""
}

// adopt makes sure that the record of a verified artifact says what is stored. It
// reads the file once in the life of the process.
func (s *Storage) adopt(a *meta.Artifact, size int64) error {
	want := record{Digest: a.Digest, Size: size, IndexDigest: a.Metadata[meta.MetadataIndexDigest]}
	s.mu.Lock()
	known := s.records[a.Path]
	s.mu.Unlock()
	if known == want {
		return nil
	}
	if stored, ok := s.readRecord(a.Path); !ok || stored != want {
		b := s.batch(path.Dir(a.Path))
		_, err := b.write(path.Base(recordPath(a.Path)), want.write)
		if err := b.finish(err); err != nil {
			return fmt.Errorf("recording the stored artifact: %w", err)
		}
	}
	s.remember(a.Path, want)
	return nil
}

func (s *Storage) remember(artifact string, r record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[artifact] = r
}
