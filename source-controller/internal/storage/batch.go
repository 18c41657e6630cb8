package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
)

// batch writes files of one folder that get their names together.
type batch struct {
	storage *Storage
	dir     string
	names   []string
}

func (s *Storage) batch(dir string) *batch { return &batch{storage: s, dir: dir} }

// write writes and syncs a file under a temporary name and returns its size.
func (b *batch) write(name string, fill func(io.Writer) error) (int64, error) {
	f, err := b.storage.root.OpenFile(b.temporary(name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return 0, fmt.Errorf("creating a file in the storage: %w", err)
	}
	b.names = append(b.names, name)
	if err = fill(f); err == nil {
		err = f.Sync()
	}
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (b *batch) temporary(name string) string { return path.Join(b.dir, partial+name) }

// finish ends the batch. If writing went well, the files get their names, the
// one written first last: it counts once everything that belongs to it is there.
// Otherwise what was written is removed.
func (b *batch) finish(err error) error {
	slices.Reverse(b.names)
	for len(b.names) > 0 && err == nil {
		name := b.names[0]
		if err = b.storage.root.Rename(b.temporary(name), path.Join(b.dir, name)); err == nil {
			b.names = b.names[1:]
		}
	}
	if err == nil {
		return b.storage.syncDir(b.dir)
	}
	for _, name := range b.names {
		err = errors.Join(err, ignoreMissing(b.storage.root.Remove(b.temporary(name))))
	}
	return err
}

// syncDir makes the names in a folder durable.
func (s *Storage) syncDir(dir string) error {
	d, err := s.root.Open(path.Clean(dir))
	if err != nil {
		return fmt.Errorf("syncing the folder of the artifact: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
