package artifact

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// spool takes bytes in order and gives them back at any offset: from memory up
// to a threshold, then from a file without a name, which the kernel frees with
// the last descriptor.
type spool struct {
	dir       string
	threshold int64
	memory    []byte
	file      *os.File
	size      int64
}

// Write appends.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && s.size+int64(len(p)) <= s.threshold {
		s.memory = append(s.memory, p...)
		s.size += int64(len(p))
		return len(p), nil
	}
	if s.file == nil {
		if err := s.moveToFile(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

func (s *spool) moveToFile() error {
	file, err := os.CreateTemp(s.dir, "artifact-")
	if err != nil {
		return fmt.Errorf("making a temporary file: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return errors.Join(fmt.Errorf("unlinking a temporary file: %w", err), file.Close())
	}
	if _, err := file.Write(s.memory); err != nil {
		return errors.Join(fmt.Errorf("writing a temporary file: %w", err), file.Close())
	}
	s.file, s.memory = file, nil
	return nil
}

// ReadAt reads at an offset, also concurrently once writing is over.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	if off >= int64(len(s.memory)) {
		return 0, io.EOF
	}
	n := copy(p, s.memory[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close frees the bytes.
func (s *spool) Close() error {
	s.memory = nil
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
