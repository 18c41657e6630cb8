// Package filelock holds advisory locks on files, so that processes agree who builds and who owns a state directory.
//
// The kernel drops a lock when its holder dies, however it dies: a lock that can be taken proves that nobody is there.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrHeld says that another process, or another part of this one, holds the lock.
var ErrHeld = errors.New("lock is held")

// retryInterval is how often a waiting process looks again; flock offers no wait that a context can end.
const retryInterval = 100 * time.Millisecond

// Lock is a lock that is held.
type Lock struct {
	file *os.File
}

// Try takes the lock on the file at path, creating the file if needed, or returns ErrHeld at once.
func Try(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening lock file: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking %s: %w", path, ErrHeld)
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return &Lock{file: file}, nil
}

// Acquire waits for the lock until the context ends. It calls waiting once if it has to wait.
func Acquire(ctx context.Context, path string, waiting func()) (*Lock, error) {
	lock, err := Try(path)
	if !errors.Is(err, ErrHeld) {
		return lock, err
	}
	waiting()
	ticker := time.NewTicker(retryInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s: %w", path, context.Cause(ctx))
		case <-ticker.C:
		}
		lock, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return lock, err
		}
	}
}

// Held reports whether somebody holds the lock. It takes the lock in shared mode for a moment, so that those who only ask
// do not see each other.
func Held(path string) (bool, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening lock file: %w", err)
	}
	defer func() { _ = file.Close() }()
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("probing %s: %w", path, err)
	}
	return false, nil
}

// Release gives the lock back. The file stays: removing it would let two processes lock two different files of one name.
func (l *Lock) Release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("releasing lock: %w", err)
	}
	return nil
}
