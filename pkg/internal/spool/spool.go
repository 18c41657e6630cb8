// Package spool holds bytes of which nobody knows beforehand how many there are:
// few in memory, many in a file that leaves nothing behind.
package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Spool takes bytes in order and gives them back at any offset. It stays in
// memory up to a threshold and then moves to a file without a name, which the
// kernel frees with the last descriptor, whatever happens to the process.
type Spool struct {
	dir       string
	threshold int64
	memory    []byte
	file      *os.File
	size      int64
}

// New returns an empty spool that moves to a file in dir, or the system's
// temporary folder if dir is empty, beyond so many bytes.
func New(dir string, threshold int64) *Spool { return &Spool{dir: dir, threshold: threshold} }

// Size returns the number of bytes written.
func (s *Spool) Size() int64 { return s.size }

// Write appends.
func (s *Spool) Write(p []byte) (int, error) {
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

func (s *Spool) moveToFile() error {
	file, err := os.CreateTemp(s.dir, "spool-")
	if err != nil {
		return fmt.Errorf("making a temporary file for a spool: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return errors.Join(fmt.Errorf("unlinking the temporary file of a spool: %w", err), file.Close())
	}
	if _, err := file.Write(s.memory); err != nil {
		return errors.Join(fmt.Errorf("writing the temporary file of a spool: %w", err), file.Close())
	}
	s.file, s.memory = file, nil
	return nil
}

// ReadAt reads at an offset, also concurrently once writing is over.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
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

// WriteAt changes bytes that were written. Tests damage a spool with it.
func (s *Spool) WriteAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.WriteAt(p, off)
	}
	n := copy(s.memory[min(off, s.size):], p)
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// Close frees the bytes.
func (s *Spool) Close() error {
	s.memory = nil
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
