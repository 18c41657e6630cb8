package spool

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

func TestSpoolGivesBackWhatItWasGiven(t *testing.T) {
	for name, threshold := range map[string]int64{"InMemory": 1 << 10, "InAFile": 3, "FromTheStart": 0} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := New(dir, threshold)
			want := []byte("some bytes, a few at a time")
			for part := range bytes.SplitSeq(want, []byte("e")) {
				if _, err := s.Write(append(part, 'e')); err != nil {
					t.Fatal(err)
				}
			}
			want = append(want, 'e')
			if s.Size() != int64(len(want)) {
				t.Errorf("size %d, want %d", s.Size(), len(want))
			}
			got := make([]byte, len(want)-5)
			if _, err := s.ReadAt(got, 5); err != nil || !bytes.Equal(got, want[5:]) {
				t.Errorf("read %q, %v, want %q", got, err, want[5:])
			}
			if _, err := s.ReadAt(got, s.Size()); !errors.Is(err, io.EOF) {
				t.Errorf("reading behind the end: %v", err)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
				t.Errorf("the folder holds %v, %v", entries, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
