package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// disk is the file system as the outbox uses it. Tests put one in its place that
// fails from a chosen step on.
type disk interface {
	// Create writes a new file and syncs it.
	Create(name string, data []byte) error
	Rename(from, to string) error
	// Remove removes a file; one that does not exist is not an error.
	Remove(name string) error
	// Sync makes renames and removals so far durable.
	Sync() error
	Read(name string) ([]byte, error)
}

// folder is a disk in one directory, which names cannot leave.
type folder struct {
	root *os.Root

	// Syncs of the directory are shared: who waits for one that began after its own
	// rename need not make another.
	mu      sync.Mutex
	syncMu  sync.Mutex
	renames uint64
	synced  uint64
}

// Create writes a new file and syncs it.
func (f *folder) Create(name string, data []byte) (err error) {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Sync()
}

// Rename gives a file another name.
func (f *folder) Rename(from, to string) error {
	if err := f.root.Rename(from, to); err != nil {
		return err
	}
	f.mu.Lock()
	f.renames++
	f.mu.Unlock()
	return nil
}

// Remove removes a file if there is one.
func (f *folder) Remove(name string) error {
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Sync syncs the directory, unless another caller has done so since the last
// rename of this one.
func (f *folder) Sync() error {
	f.mu.Lock()
	mine := f.renames
	f.mu.Unlock()
	f.syncMu.Lock()
	defer f.syncMu.Unlock()
	if f.synced >= mine && mine > 0 {
		return nil
	}
	f.mu.Lock()
	covered := f.renames
	f.mu.Unlock()
	dir, err := f.root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("syncing the directory: %w", err)
	}
	f.synced = covered
	return nil
}

// Read returns the content of a file.
func (f *folder) Read(name string) ([]byte, error) { return f.root.ReadFile(name) }
