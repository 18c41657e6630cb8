// Package scratch finds room for the state of clusters: a private directory, in memory where the machine offers it.
//
// A cluster that was killed cannot clean up. Each state directory is therefore locked by its launcher, and whoever makes
// the next one removes those that nobody holds any more.
package scratch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/capstan-gitops/capstan/devcluster/internal/filelock"
)

const (
	memoryFolder = "/dev/shm"
	prefix       = "run-"
	lockName     = "lock"
	// claimTimeout lets those who only ask whether the directory is held finish asking.
	claimTimeout = 500 * time.Millisecond
	// markerName distinguishes a directory of ours from one that somebody named by mistake: only the former is ever emptied.
	markerName = ".devcluster"
)

// Dir is a state directory that is held by this process.
type Dir struct {
	Path      string
	Ephemeral bool
	lock      *filelock.Lock
	guard     string // the lock of the folder that is swept, if it is in one
}

// Memory returns a folder on a file system in memory with at least the given room, or the system's temporary folder.
func Memory(room uint64) string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memoryFolder, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < room {
		return os.TempDir()
	}
	const writeAndSearch = 3
	if syscall.Access(memoryFolder, writeAndSearch) != nil {
		return os.TempDir()
	}
	return memoryFolder
}

// Base returns this user's folder for clusters below parent, made if it is missing. Others can neither read it nor have
// made it: in a folder that everybody may write to, a foreign directory of that name would hand them the cluster's keys.
func Base(parent string) (string, error) {
	path := filepath.Join(parent, "capstan-devcluster-"+strconv.Itoa(os.Geteuid()))
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("making the folder for clusters: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("checking the folder for clusters: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("checking the folder for clusters: %s is not a directory that only this user can open", path)
	}
	return path, nil
}

// New makes a directory of its own below base, and removes those there whose launchers have died.
func New(ctx context.Context, base string) (*Dir, error) {
	guard, err := filelock.Acquire(ctx, filepath.Join(base, lockName), func() {})
	if err != nil {
		return nil, fmt.Errorf("making a state directory: %w", err)
	}
	defer func() { _ = guard.Release() }()
	if err := sweep(base); err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return nil, fmt.Errorf("making a state directory: %w", err)
	}
	dir, err := claim(path, true)
	if err != nil {
		return nil, err
	}
	dir.guard = filepath.Join(base, lockName)
	return dir, nil
}

// Open takes the directory at path, made if it is missing. An ephemeral one is emptied now and removed by Close; one that
// holds files which are not ours is refused.
func Open(path string, ephemeral bool) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("opening the state directory: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("opening the state directory: %w", err)
	}
	if err := checkOurs(path); err != nil {
		return nil, err
	}
	dir, err := claim(path, ephemeral)
	if err != nil {
		return nil, err
	}
	if ephemeral {
		if err := dir.empty(); err != nil {
			return nil, errors.Join(err, dir.lock.Release())
		}
	}
	return dir, nil
}

// Held reports whether a launcher holds the directory at path.
func Held(path string) (bool, error) {
	return filelock.Held(filepath.Join(path, lockName))
}

// Close gives the directory back, and removes it if it is ephemeral.
func (d *Dir) Close() error {
	if !d.Ephemeral {
		return d.lock.Release()
	}
	if d.guard != "" { // Whoever sweeps must not look into a directory that is half removed.
		guard, err := filelock.Acquire(context.Background(), d.guard, func() {})
		if err != nil {
			return errors.Join(err, d.lock.Release())
		}
		defer func() { _ = guard.Release() }()
	}
	return errors.Join(os.RemoveAll(d.Path), d.lock.Release())
}

func claim(path string, ephemeral bool) (*Dir, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), claimTimeout, filelock.ErrHeld)
	defer cancel()
	lock, err := filelock.Acquire(ctx, filepath.Join(path, lockName), func() {})
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("a cluster is running in %s already: %w", path, err)
	}
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(path, markerName), nil, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("marking the state directory: %w", err), lock.Release())
	}
	return &Dir{Path: path, Ephemeral: ephemeral, lock: lock}, nil
}

func checkOurs(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("reading the state directory: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == markerName {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("the directory %s holds other files; name an empty one, or one that does not exist yet", path)
	}
	return nil
}

// empty removes everything but the lock, which is held, and the marker.
func (d *Dir) empty() error {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return fmt.Errorf("emptying the state directory: %w", err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name == lockName || name == markerName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(d.Path, entry.Name())); err != nil {
			return fmt.Errorf("emptying the state directory: %w", err)
		}
	}
	return nil
}

func sweep(base string) error {
	entries, err := os.ReadDir(base)
	if err != nil {
		return fmt.Errorf("looking for dead clusters: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		if err := removeDead(filepath.Join(base, entry.Name())); err != nil {
			return fmt.Errorf("removing a dead cluster: %w", err)
		}
	}
	return nil
}

func removeDead(path string) error {
	lock, err := filelock.Try(filepath.Join(path, lockName))
	if errors.Is(err, filelock.ErrHeld) || errors.Is(err, os.ErrNotExist) {
		return nil // It lives, or its launcher is just removing it.
	}
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(path), lock.Release())
}
