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

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Hash returns the hash of a digest algorithm.
func Hash(algorithm string) (hash.Hash, error) {
	switch algorithm {
	case "sha256":
		return sha256.New(), nil
	case "sha384":
		return sha512.New384(), nil
	case "sha512":
		return sha512.New(), nil
	default:
		return nil, fmt.Errorf("verifying an artifact: digest algorithm %q is not known; use sha256, sha384 or sha512", algorithm)
	}
}

// Check verifies that the artifact is stored and is what its digest says. A file
// is read only when it changed since it was last verified. A damaged artifact is
// ErrDamaged and is not served any more.
func (s *Storage) Check(a *meta.Artifact) error {
	info, err := s.root.Lstat(a.Path)
	if err != nil || !info.Mode().IsRegular() {
		s.distrust(a.Path)
		return ErrDamaged
	}
	s.mu.Lock()
	known, ok := s.verified[a.Path]
	s.mu.Unlock()
	if ok && known.digest == a.Digest && known.unchanged(info) {
		return nil
	}
	digest, err := s.digest(a.Path, a.Digest)
	if err != nil {
		return fmt.Errorf("verifying the stored artifact: %w", err)
	}
	if digest != a.Digest {
		s.distrust(a.Path)
		return ErrDamaged
	}
	s.remember(a.Path, a.Digest, info)
	return nil
}

// trust remembers the digest of a file that was just written.
func (s *Storage) trust(name, digest string) error {
	info, err := s.root.Lstat(name)
	if err != nil {
		return fmt.Errorf("looking at the stored artifact: %w", err)
	}
	s.remember(name, digest, info)
	return nil
}

func (s *Storage) remember(name, digest string, info fs.FileInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verified[name] = verdict{digest: digest, size: info.Size(), changed: info.ModTime()}
}

func (v verdict) unchanged(info fs.FileInfo) bool {
	return v.size == info.Size() && v.changed.Equal(info.ModTime())
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
	return algorithm + ":" + hex.EncodeToString(h.Sum(nil)), nil
}

func (s *Storage) distrust(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.verified, name)
}

// Open opens a stored file to be served. An artifact opens only if it was
// verified and has not changed since, or changed back to what it was.
func (s *Storage) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".tar.gz") {
		if err := s.trusted(name); err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: errors.Join(fs.ErrNotExist, err)}
		}
	}
	return s.root.FS().Open(name)
}

func (s *Storage) trusted(name string) error {
	s.mu.Lock()
	known, ok := s.verified[name]
	s.mu.Unlock()
	if !ok {
		return ErrDamaged
	}
	return s.Check(&meta.Artifact{Path: name, Digest: known.digest})
}
