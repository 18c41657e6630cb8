package artifact

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// TestTamperedSpool guards against tampering on disk: every byte that changes between verification and
// reading is noticed, in small files and in streamed ones.
func TestTamperedSpool(t *testing.T) {
	small, large := "small content", strings.Repeat("x", heldFileBytes+10)
	tree := fstest.MapFS{
		"large": {Data: []byte(large), Mode: 0o600}, "small": {Data: []byte(small), Mode: 0o600},
	}
	var archive bytes.Buffer
	if _, err := Pack(t.Context(), &archive, tree, PackOptions{}); err != nil {
		t.Fatal(err)
	}
	view, err := Unpack(t.Context(), &archive, UnpackOptions{TempDir: t.TempDir(), MemoryBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	places := map[string][]int64{"large": {0, heldFileBytes / 2, heldFileBytes + 9}}
	for i := range small {
		places["small"] = append(places["small"], int64(i))
	}
	for name, offsets := range places {
		for _, i := range offsets {
			node, err := view.lookup("open", name)
			if err != nil {
				t.Fatal(err)
			}
			at := node.offset + i
			old := make([]byte, 1)
			if _, err := view.data.ReadAt(old, at); err != nil {
				t.Fatal(err)
			}
			write(t, view, at, old[0]^1)
			if _, err := fs.ReadFile(view, name); !errors.Is(err, ErrTampered) {
				t.Errorf("ReadFile of %s with byte %d changed: %v", name, i, err)
			}
			if err := stream(view, name); !errors.Is(err, ErrTampered) {
				t.Errorf("reading %s with byte %d changed: %v", name, i, err)
			}
			write(t, view, at, old[0])
			if err := stream(view, name); err != nil {
				t.Errorf("reading %s as it was: %v", name, err)
			}
		}
	}
}

func write(t *testing.T, v *View, at int64, b byte) {
	t.Helper()
	if _, err := v.data.WriteAt([]byte{b}, at); err != nil {
		t.Fatal(err)
	}
}

func stream(v *View, name string) error {
	f, err := v.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, f)
	return errors.Join(err, f.Close())
}
