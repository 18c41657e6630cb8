package storage

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Hasher computes a digest of what is written to it.
type Hasher struct {
	hash.Hash
	algorithm string
}

// Digest returns the digest of what was written, with its algorithm.
func (h Hasher) Digest() string { return h.algorithm + ":" + hex.EncodeToString(h.Sum(nil)) }

// Hash returns the hash of a digest algorithm.
func Hash(algorithm string) (Hasher, error) {
	h := Hasher{algorithm: algorithm}
	switch algorithm {
	case "sha256":
		h.Hash = sha256.New()
	case "sha384":
		h.Hash = sha512.New384()
	case "sha512":
		h.Hash = sha512.New()
	default:
		return h, fmt.Errorf("verifying an artifact: digest algorithm %q is not known; use sha256, sha384 or sha512", algorithm)
	}
	return h, nil
}

// stamp says which digest a file had, and what it looked like then.
type stamp struct {
	digest  string
	size    int64
	changed time.Time
}

func stampOf(info fs.FileInfo, digest string) stamp {
	return stamp{digest: digest, size: info.Size(), changed: info.ModTime()}
}

// Check verifies that the artifact is stored, with its index, and is what its
// digests say. A file is read only when it changed since it was last verified.
// A damaged artifact is ErrDamaged; what is damaged is not served any more.
func (s *Storage) Check(a *meta.Artifact) error {
	verified, err := s.check(a.Path, a.Digest)
	if index := a.Metadata[meta.MetadataIndexDigest]; err == nil && index != "" {
		_, err = s.check(a.Path+meta.IndexSuffix, index)
	}
	switch {
	case errors.Is(err, ErrDamaged):
		return err
	case err != nil:
		return fmt.Errorf("verifying the stored artifact: %w", err)
	}
	return s.adopt(a, verified.size)
}

// check verifies one file.
func (s *Storage) check(name, want string) (stamp, error) {
	known := s.stamp(name)
	info, err := s.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		s.distrust(name, known)
		return stamp{}, ErrDamaged
	}
	if now := stampOf(info, want); now.same(known) {
		return known, nil
	}
	digest, err := s.digest(name, want)
	if err != nil {
		return stamp{}, err
	}
	if digest != want {
		s.distrust(name, known)
		return stamp{}, ErrDamaged
	}
	now := stampOf(info, digest)
	s.setStamp(name, now)
	return now, nil
}

// trust notes the digests of an artifact that was just written.
func (s *Storage) trust(artifact string, r record) error {
	if err := s.trustFile(artifact, r.Digest); err != nil {
		return err
	}
	if err := s.trustFile(artifact+meta.IndexSuffix, r.IndexDigest); err != nil {
		return err
	}
	s.remember(artifact, r)
	return nil
}

// trustFile notes the digest of a file; one without is not trusted any more.
func (s *Storage) trustFile(name, digest string) error {
	if digest == "" {
		s.setStamp(name, stamp{})
		return nil
	}
	info, err := s.root.Lstat(name)
	if err != nil {
		return fmt.Errorf("looking at the stored artifact: %w", err)
	}
	s.setStamp(name, stampOf(info, digest))
	return nil
}

func (s stamp) same(other stamp) bool {
	return s.digest == other.digest && s.size == other.size && s.changed.Equal(other.changed)
}

// digest computes the digest of a file with the algorithm that want names.
func (s *Storage) digest(name, want string) (string, error) {
	algorithm, _, _ := strings.Cut(want, ":")
	h, err := Hash(algorithm)
	if err != nil {
		return "", err
	}
	f, err := s.root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return h.Digest(), nil
}

// stamp returns what is known of a file; the zero value if nothing is.
func (s *Storage) stamp(name string) stamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verified[name]
}

// setStamp notes that a file has its digest; the zero value drops what was known.
func (s *Storage) setStamp(name string, now stamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.digest == "" {
		delete(s.verified, name)
		return
	}
	s.verified[name] = now
}

// distrust drops what was known of a file that was found damaged, unless it was
// stored anew meanwhile.
func (s *Storage) distrust(name string, known stamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verified[name].same(known) {
		delete(s.verified, name)
	}
}
