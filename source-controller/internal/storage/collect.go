package storage

import (
	"cmp"
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
// TTL, and the oldest beyond the number of records. The current artifact stays.
// It returns the names of what it removed.
func (s *Storage) Collect(current *meta.Artifact) ([]string, error) {
	dir, keep := path.Split(current.Path)
	dir = path.Clean(dir)
	found, leftovers, err := s.list(dir, keep)
	if err != nil {
		return nil, fmt.Errorf("collecting old artifacts: %w", err)
	}
	names := expired(found, s.options.Clock.Now().Add(-s.options.TTL), s.options.Records-1)
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

// list returns the artifacts in a folder other than keep, and what interrupted
// writes left behind.
func (s *Storage) list(dir, keep string) (found []stored, leftovers []string, err error) {
	d, err := s.root.Open(dir)
	if err != nil {
		return nil, nil, ignoreMissing(err)
	}
	defer d.Close()
	entries, err := d.ReadDir(maxCollect)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		name := entry.Name()
		switch {
		case err != nil || name == keep || strings.HasSuffix(name, meta.IndexSuffix) && !strings.HasPrefix(name, partial):
		case strings.HasPrefix(name, partial):
			leftovers = append(leftovers, name)
		case info.Mode().Type() == fs.ModeSymlink, info.Mode().IsRegular():
			found = append(found, stored{name: name, changed: info.ModTime()})
		}
	}
	return found, leftovers, nil
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
