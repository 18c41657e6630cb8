package storage

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// maxCollect bounds how many files of one object a collection looks at.
const maxCollect = 1000

// stored is an artifact found on disk.
type stored struct {
	name    string
	changed time.Time
}

// Collect removes artifacts of the current one's object: those older than the
// TTL, and the oldest beyond the number of records. The current artifact stays,
// and so does the previous one, nil if there is none: until the status is
// written, it is the one that consumers know. It returns the names of what it
// removed.
func (s *Storage) Collect(current, previous *meta.Artifact) ([]string, error) {
	dir, name := path.Split(current.Path)
	dir = path.Clean(dir)
	keep := []string{name}
	if previous != nil && path.Base(previous.Path) != name {
		keep = append(keep, path.Base(previous.Path))
	}
	found, leftovers, err := s.list(dir, keep)
	if err != nil {
		return nil, fmt.Errorf("collecting old artifacts: %w", err)
	}
	names := expired(found, s.options.Clock.Now().Add(-s.options.TTL), s.options.Records-len(keep))
	names = append(names, leftovers...)
	for _, name := range names {
		s.distrust(path.Join(dir, name))
		for _, file := range []string{name, name + meta.IndexSuffix} {
			if err := ignoreMissing(s.root.Remove(path.Join(dir, file))); err != nil {
				return nil, fmt.Errorf("collecting old artifacts: %w", err)
			}
		}
	}
	return names, nil
}

// list returns the artifacts in a folder other than those to keep, and what
// interrupted writes left behind: partial files, and indexes without artifact.
func (s *Storage) list(dir string, keep []string) (found []stored, leftovers []string, err error) {
	d, err := s.root.Open(dir)
	if err != nil {
		return nil, nil, ignoreMissing(err)
	}
	defer d.Close()
	entries, err := d.ReadDir(maxCollect)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		name := entry.Name()
		switch {
		case err != nil || slices.Contains(keep, name):
		case strings.HasPrefix(name, partial), s.orphan(dir, name):
			leftovers = append(leftovers, name)
		case strings.HasSuffix(name, meta.IndexSuffix):
		case info.Mode().Type() == fs.ModeSymlink, info.Mode().IsRegular():
			found = append(found, stored{name: name, changed: info.ModTime()})
		}
	}
	return found, leftovers, nil
}

// orphan reports whether a file is an index whose artifact does not exist.
func (s *Storage) orphan(dir, name string) bool {
	artifact, ok := strings.CutSuffix(name, meta.IndexSuffix)
	if !ok {
		return false
	}
	_, err := s.root.Lstat(path.Join(dir, artifact))
	return errors.Is(err, fs.ErrNotExist)
}

// expired returns the names of artifacts last changed before the deadline, and
// of the oldest beyond the number to keep.
func expired(found []stored, deadline time.Time, keep int) []string {
	slices.SortFunc(found, func(a, b stored) int {
		return cmp.Or(b.changed.Compare(a.changed), strings.Compare(a.name, b.name))
	})
	var names []string
	for i, f := range found {
		if i >= keep || f.changed.Before(deadline) {
			names = append(names, f.name)
		}
	}
	return names
}
