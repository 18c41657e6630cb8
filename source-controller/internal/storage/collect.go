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

// maxCollect bounds how many files of one object a collection reads.
const maxCollect = 1000

// stored is an artifact found on disk.
type stored struct {
	name    string
	changed time.Time
}

// Collect removes artifacts of the current one's object: those older than the
// TTL, and the oldest beyond the number of records. The current artifact stays,
// and so does the previous one, nil if there is none: until the status is
// written, it is the one that consumers know. Files that belong to no recorded
// artifact go as well. It returns the names of what it removed.
func (s *Storage) Collect(current, previous *meta.Artifact) ([]string, error) {
	c := collection{storage: s, dir: path.Dir(current.Path), keep: map[string]bool{}}
	if previous != nil {
		c.keep[path.Base(previous.Path)] = previous.Metadata[meta.MetadataIndexDigest] != ""
	}
	c.keep[path.Base(current.Path)] = current.Metadata[meta.MetadataIndexDigest] != ""
	found, leftovers, err := c.list()
	if err != nil {
		return nil, fmt.Errorf("collecting old artifacts: %w", err)
	}
	names := expired(found, s.options.Clock.Now().Add(-s.options.TTL), s.options.Records-len(c.keep))
	names = append(names, leftovers...)
	for _, name := range names {
		for _, file := range []string{name, name + meta.IndexSuffix, recordPrefix + name} {
			if err := s.drop(path.Join(c.dir, file)); err != nil {
				return nil, fmt.Errorf("collecting old artifacts: %w", err)
			}
		}
	}
	return names, nil
}

// drop removes a file that is not needed any more.
func (s *Storage) drop(name string) error {
	s.mu.Lock()
	delete(s.verified, name)
	delete(s.records, name)
	s.mu.Unlock()
	return ignoreMissing(s.root.Remove(name))
}

// collection goes through the folder of one object.
type collection struct {
	storage *Storage
	dir     string
	// keep holds the artifacts that stay, and whether they have an index.
	keep map[string]bool
}

// list returns the artifacts other than those to keep, and what interrupted
// writes left behind: files that belong to no artifact.
func (c *collection) list() (found []stored, leftovers []string, err error) {
	d, err := c.storage.root.Open(c.dir)
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
		if err != nil || !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeSymlink {
			continue
		}
		_, kept := c.keep[name]
		switch is, _ := c.artifact(name); {
		case kept, c.belongs(name):
		case is:
			found = append(found, stored{name: name, changed: info.ModTime()})
		default:
			leftovers = append(leftovers, name)
		}
	}
	return found, leftovers, nil
}

// artifact reports whether a name is that of an artifact, and whether that has an
// index.
func (c *collection) artifact(name string) (is, indexed bool) {
	if indexed, ok := c.keep[name]; ok {
		return true, indexed
	}
	file := path.Join(c.dir, name)
	r, ok := c.storage.readRecord(file)
	if !ok {
		return false, false
	}
	info, err := c.storage.root.Lstat(file)
	return err == nil && info.Mode().IsRegular(), r.IndexDigest != ""
}

// belongs reports whether a file is the record or the index of an artifact.
func (c *collection) belongs(name string) bool {
	if of, ok := strings.CutPrefix(name, recordPrefix); ok {
		is, _ := c.artifact(of)
		return is
	}
	if of, ok := strings.CutSuffix(name, meta.IndexSuffix); ok {
		is, indexed := c.artifact(of)
		return is && indexed
	}
	return false
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
