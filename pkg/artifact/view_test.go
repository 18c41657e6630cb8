package artifact_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/artifact"
)

func unpack(t *testing.T, archive []byte, o artifact.UnpackOptions) (*artifact.View, error) {
	t.Helper()
	if o.TempDir == "" {
		o.TempDir = t.TempDir()
	}
	view, err := artifact.Unpack(t.Context(), bytes.NewReader(archive), o)
	if err == nil {
		t.Cleanup(func() { _ = view.Close() })
	}
	if left, lerr := os.ReadDir(o.TempDir); lerr != nil || len(left) != 0 {
		t.Errorf("the temporary folder holds %v, %v", left, lerr)
	}
	return view, err
}

// TestRoundTrip reads back what was packed, from memory and from disk.
func TestRoundTrip(t *testing.T) {
	tree := sample()
	tree["large"] = file(strings.Repeat("large content ", 1<<19))
	matcher, err := artifact.NewMatcher(tree, "")
	if err != nil {
		t.Fatal(err)
	}
	archive, packed := pack(t, tree, artifact.PackOptions{Ignore: matcher})
	for name, memory := range map[string]int64{"Memory": 64 << 20, "Disk": 1} {
		t.Run(name, func(t *testing.T) {
			view, err := unpack(t, archive, artifact.UnpackOptions{MemoryBytes: memory})
			if err != nil {
				t.Fatal(err)
			}
			if view.Index().Digest() != packed.Index.Digest() {
				t.Errorf("the recomputed index differs:\n%s", cmp.Diff(string(packed.Index.Encode()), string(view.Index().Encode())))
			}
			if err := fstest.TestFS(view, "a.yaml", "a/x.yaml", "empty", "large"); err != nil {
				t.Error(err)
			}
			for _, name := range []string{"a.yaml", "large"} {
				if got, err := fs.ReadFile(view, name); err != nil || !bytes.Equal(got, tree[name].Data) {
					t.Errorf("%s has %d bytes, %v", name, len(got), err)
				}
			}
		})
	}
}

// TestImpliedFolders lists folders that are there only because of what is in
// them.
func TestImpliedFolders(t *testing.T) {
	view, err := unpack(t, makeArchive(t, tar.Header{Name: "./d/e/f", Typeflag: tar.TypeReg, Mode: 0o600}), artifact.UnpackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{".": "d", "d": "e", "d/e": "f"} {
		list, err := view.ReadDir(dir)
		if err != nil || len(list) != 1 || list[0].Name() != want {
			t.Errorf("%s lists %v, %v", dir, list, err)
		}
		if _, ok := view.Index().Dir(dir); !ok {
			t.Errorf("the index does not know %s", dir)
		}
	}
}

// makeArchive writes entries as they are; a file has its name as content.
func makeArchive(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for _, h := range entries {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(h.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestHostileArchives guards against archives that write where they may not: only
// files and folders are unpacked, each once, none outside.
func TestHostileArchives(t *testing.T) {
	reg := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600} }
	dir := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o700} }
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
	}
	cases := map[string]struct {
		why     string
		entries []tar.Header
		says    string
	}{
		"Good":          {"what a source writes", []tar.Header{dir("."), dir("a"), reg("a/b")}, ""},
		"SkippedLink":   {"links are skipped", []tar.Header{link("l", "/etc"), reg("a")}, ""},
		"Absolute":      {"outside", []tar.Header{reg("/etc/passwd")}, "absolute"},
		"Upwards":       {"outside", []tar.Header{reg("../a")}, "upwards"},
		"UpwardsInside": {"not even if it stays inside", []tar.Header{reg("a/../b")}, "upwards"},
		"Backslash":     {"a separator elsewhere", []tar.Header{reg(`a\..\b`)}, "backslash"},
		"Control":       {"a line break in a name", []tar.Header{reg("a\nb")}, "control"},
		"Twice":         {"which one counts?", []tar.Header{reg("a"), reg("a")}, "twice"},
		"FileAndFolder": {"which one counts?", []tar.Header{reg("a"), dir("a/")}, "twice"},
		"ThroughFile":   {"a file is no folder", []tar.Header{reg("a"), reg("a/b")}, "no folder"},
		"ThroughLink":   {"nothing goes through a link", []tar.Header{link("a", "/tmp"), reg("a/b")}, "no folder"},
		"OverLink":      {"nor in its place", []tar.Header{link("a", "/tmp"), reg("a")}, "twice"},
		"HardLink":      {"a second name of another file", []tar.Header{{Name: "a", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}}, "neither"},
		"Device":        {"a device", []tar.Header{{Name: "a", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5}}, "neither"},
		"Pipe":          {"a pipe", []tar.Header{{Name: "a", Typeflag: tar.TypeFifo}}, "neither"},
		"RootFile":      {"the root is a folder", []tar.Header{reg(".")}, "root"},
		"Deep":          {"too deep", []tar.Header{reg(strings.Repeat("d/", 300) + "f")}, "deeper"},
		"Long":          {"too long", []tar.Header{reg(strings.Repeat("d", 5000))}, "longer"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := unpack(t, makeArchive(t, tc.entries...), artifact.UnpackOptions{MemoryBytes: 1})
			if tc.says == "" {
				if err != nil {
					t.Errorf("%s: %v", tc.why, err)
				}
				return
			}
			if !errors.Is(err, artifact.ErrHostile) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: error %v, want %q", tc.why, err, tc.says)
			}
		})
	}
}

// TestBombs guards against small archives of enormous content: reading stops at a
// limit.
func TestBombs(t *testing.T) {
	zeros := fstest.MapFS{"zeros": {Data: make([]byte, 80<<20), Mode: 0o600}}
	bomb, _ := pack(t, zeros, artifact.PackOptions{})
	trailing := append(makeArchive(t, tar.Header{Name: "a", Typeflag: tar.TypeReg}), gzipped(t, make([]byte, 80<<20))...)
	many := make([]tar.Header, 100)
	for i := range many {
		many[i] = tar.Header{Name: fmt.Sprintf("f%d", i), Typeflag: tar.TypeReg}
	}
	cases := map[string]struct {
		why     string
		archive []byte
		limits  artifact.Limits
	}{
		"Ratio":    {"80 MiB of nothing in 80 KiB", bomb, artifact.Limits{}},
		"Inflated": {"more than allowed", bomb, artifact.Limits{InflatedBytes: 1 << 20}},
		"Trailing": {"behind the end of the archive", trailing, artifact.Limits{InflatedBytes: 1 << 20}},
		"Bytes":    {"too long as it is", bomb, artifact.Limits{Bytes: 1000}},
		"Entries":  {"too many entries", makeArchive(t, many...), artifact.Limits{Files: 10}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := unpack(t, tc.archive, artifact.UnpackOptions{MemoryBytes: 1, Limits: tc.limits}); !errors.Is(err, artifact.ErrLimit) {
				t.Errorf("%s: %v, want ErrLimit", tc.why, err)
			}
		})
	}
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestDamagedArchives cuts and changes an archive at every place: it is refused
// or its index shows it.
func TestDamagedArchives(t *testing.T) {
	archive, packed := pack(t, sample(), artifact.PackOptions{})
	for i := range archive {
		if _, err := unpack(t, archive[:i], artifact.UnpackOptions{}); err == nil {
			t.Fatalf("cut after %d of %d bytes and accepted", i, len(archive))
		}
		changed := bytes.Clone(archive)
		changed[i] ^= 0xff
		view, err := unpack(t, changed, artifact.UnpackOptions{})
		// Nothing but the gzip header can be changed without its checksum noticing.
		if err == nil && (view.Index().Digest() != packed.Index.Digest() || i >= 10) {
			t.Fatalf("byte %d changed and accepted", i)
		}
	}
}

func TestUnpackStopsWithContext(t *testing.T) {
	archive, _ := pack(t, sample(), artifact.PackOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := artifact.Unpack(ctx, bytes.NewReader(archive), artifact.UnpackOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		view, err := artifact.Unpack(t.Context(), bytes.NewReader(gzipped(t, archive)), artifact.UnpackOptions{
			Limits: artifact.Limits{InflatedBytes: 1 << 20, Files: 100},
		})
		if err != nil {
			return
		}
		for _, e := range view.Index().Entries() {
			if !fs.ValidPath(e.Path) {
				t.Errorf("accepted the path %q", e.Path)
			}
		}
		if _, err := artifact.DecodeIndex(view.Index().Encode(), artifact.IndexLimits{}); err != nil {
			t.Errorf("the index of an accepted archive is refused: %v", err)
		}
		_ = view.Close()
	})
}

func FuzzDecodeIndex(f *testing.F) {
	f.Add("capstan-index 1\nd 0750 .\n")
	f.Fuzz(func(t *testing.T, text string) {
		x, err := artifact.DecodeIndex([]byte(text), artifact.IndexLimits{Bytes: 1 << 16, Entries: 100})
		if err == nil && string(x.Encode()) != text {
			t.Errorf("%q is read and written as %q", text, x.Encode())
		}
	})
}
