package filelock_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/capstan-gitops/capstan/devcluster/internal/filelock"
)

func TestOnlyOneHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := filelock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Try(path); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("second holder: got %v, want ErrHeld", err)
	}
	if held, err := filelock.Held(path); err != nil || !held {
		t.Errorf("probing a held lock: got %v, %v", held, err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if held, err := filelock.Held(path); err != nil || held {
		t.Errorf("probing a free lock: got %v, %v", held, err)
	}
}

func TestAcquireWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := filelock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan struct{})
	acquired := make(chan error, 1)
	go func() {
		second, err := filelock.Acquire(t.Context(), path, func() { close(waiting) })
		if err == nil {
			err = second.Release()
		}
		acquired <- err
	}()
	<-waiting
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-acquired; err != nil {
		t.Errorf("after the release: %v", err)
	}
}

func TestAcquireGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := filelock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	if _, err := filelock.Acquire(ctx, path, func() { cancel(cause) }); !errors.Is(err, cause) {
		t.Errorf("got %v, want the context's cause", err)
	}
}
