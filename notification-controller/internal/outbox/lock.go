package outbox

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

const lockFile = "lock"

// lock takes the directory for this process. The kernel releases it when the
// process dies, however it dies.
func lock(root *os.Root) (func() error, error) {
	file, err := root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("another process uses it; give each its own --outbox-path")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking it: %w", err), file.Close())
	}
	return file.Close, nil
}
