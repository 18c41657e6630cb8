package storage

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// Open opens a stored file to be served, or a folder to be listed. A file opens
// only if it was verified and has not changed since, or changed back to what it
// was.
func (s *Storage) Open(name string) (fs.File, error) {
	if known := s.stamp(name); known.digest != "" {
		if _, err := s.check(name, known.digest); err != nil {
			return nil, missing(name, err)
		}
		return s.root.FS().Open(name)
	}
	info, err := s.root.Lstat(name)
	if err != nil || !info.IsDir() {
		return nil, missing(name, err)
	}
	if _, ok := s.readRecord(name); ok {
		return nil, missing(name, ErrDamaged) // an artifact was here
	}
	f, err := s.root.FS().Open(name)
	if err != nil {
		return nil, err
	}
	if dir, ok := f.(fs.ReadDirFile); ok {
		return folder{dir}, nil
	}
	return f, nil
}

func missing(name string, why error) error {
	return &fs.PathError{Op: "open", Path: name, Err: errors.Join(fs.ErrNotExist, why)}
}

// folder is a folder without the files that the storage keeps for itself.
type folder struct{ fs.ReadDirFile }

// ReadDir lists what others may see.
func (f folder) ReadDir(n int) ([]fs.DirEntry, error) {
	for {
		entries, err := f.ReadDirFile.ReadDir(n)
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") })
		if len(entries) > 0 || err != nil || n <= 0 {
			return entries, err
		}
	}
}
