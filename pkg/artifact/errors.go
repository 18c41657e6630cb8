package artifact

import "errors"

var (
	// ErrNotFound says that the server has no such file: the artifact was
	// replaced or is not stored yet. Callers wait and look again.
	ErrNotFound = errors.New("the artifact is not found on its server")
	// ErrDigest says that the bytes are not those the digest stands for.
	ErrDigest = errors.New("the artifact does not match its digest")
	// ErrTampered says that bytes changed between verification and reading.
	ErrTampered = errors.New("the stored bytes changed since they were verified")
	// ErrLimit says that something is larger than allowed.
	ErrLimit = errors.New("a limit is exceeded")
	// ErrHostile says that an archive or index is not what a source writes.
	ErrHostile = errors.New("the archive is refused")
)
