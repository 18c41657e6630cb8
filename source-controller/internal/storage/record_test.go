package storage_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
)

const folder = "gitrepository/apps/podinfo"

// TestRecordIsWrittenAnew says that no artifact depends on its record: one that
// an older version stored without, or whose record is damaged, is served as soon
// as it was verified against the status, and then counts as every other.
func TestRecordIsWrittenAnew(t *testing.T) {
	cases := map[string]struct {
		why    string
		damage func(record string) error
	}{
		"OlderVersion": {"it wrote no records", os.Remove},
		"Emptied":      {"a full disk, a crash", func(record string) error { return os.Truncate(record, 0) }},
		"Truncated":    {"a full disk, a crash", func(record string) error { return os.Truncate(record, 9) }},
		"Flipped":      {"it names another digest", func(record string) error { return flip(record, 20) }},
		"Garbage":      {"it is something else", func(record string) error { return os.WriteFile(record, []byte("content"), 0o600) }},
		"WithoutIndex": {"it denies the index", func(record string) error {
			return os.WriteFile(record, []byte(`{"digest":"`+digest("content")+`","size":7}`), 0o600)
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			a := s.put(t, "abc.tar.gz", "content", time.Second)
			record := filepath.Join(s.dir, folder, ".record-abc.tar.gz")
			want, err := os.ReadFile(record)
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.damage(record); err != nil {
				t.Fatal(err)
			}
			s = reopen(t, s)
			if got, err := s.serves(a.Path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: served before it was verified: %q, %v", tc.why, got, err)
			}
			if err := s.Check(a); err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			for name, content := range map[string]string{a.Path: "content", a.Path + meta.IndexSuffix: "index of content"} {
				if got, err := s.serves(name); err != nil || got != content {
					t.Errorf("%s: %s is served as %q, %v", tc.why, name, got, err)
				}
			}
			if got, err := os.ReadFile(record); err != nil || string(got) != string(want) {
				t.Errorf("%s: the record is %q, %v; want %q", tc.why, got, err, want)
			}
			current := s.put(t, "current.tar.gz", "current", 0)
			if _, err := s.Collect(current, nil); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(indexed("abc.tar.gz", "current.tar.gz"), s.files(t)); diff != "" {
				t.Errorf("%s: it is kept as every other (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestRecordIsNotBelieved says that a record makes nothing trusted: it vouches
// for bytes that the status does not name.
func TestRecordIsNotBelieved(t *testing.T) {
	s := newStore(t)
	a := s.put(t, "abc.tar.gz", "content", 0)
	s.plant(t, a.Path, "planted")
	s.plant(t, folder+"/.record-abc.tar.gz", `{"digest":"`+digest("planted")+`","size":7}`)
	for range 2 {
		if err := s.Check(a); !errors.Is(err, storage.ErrDamaged) {
			t.Errorf("Check says %v", err)
		}
		if got, err := s.serves(a.Path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("served %q, %v", got, err)
		}
		s = reopen(t, s)
	}
}

// TestDamagedIndex says that an index is verified like its artifact: a consumer
// concludes from it what did not change.
func TestDamagedIndex(t *testing.T) {
	for name, damage := range map[string]func(file string) error{
		"Flipped":   func(file string) error { return flip(file, 3) },
		"Truncated": func(file string) error { return os.Truncate(file, 3) },
		"Removed":   os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			a := s.put(t, "abc.tar.gz", "content", 0)
			if err := damage(filepath.Join(s.dir, a.Path+meta.IndexSuffix)); err != nil {
				t.Fatal(err)
			}
			for _, opened := range []*store{s, reopen(t, s)} {
				if err := opened.Check(a); !errors.Is(err, storage.ErrDamaged) {
					t.Errorf("Check says %v", err)
				}
				if got, err := opened.serves(a.Path + meta.IndexSuffix); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("served %q, %v", got, err)
				}
			}
		})
	}
}

func TestPutBlob(t *testing.T) {
	s := newStore(t)
	a, err := s.Put(ref(), storage.Entry{
		File: "podinfo-1.2.3.tgz", Revision: "1.2.3",
		Metadata: map[string]string{"origin": "chart", meta.MetadataIndexDigest: digest("of somebody else")},
	}, writesBlob("content"))
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len("content"))
	want := &meta.Artifact{
		Path: folder + "/podinfo-1.2.3.tgz", URL: "http://source/" + folder + "/podinfo-1.2.3.tgz",
		Revision: "1.2.3", Digest: digest("content"), Size: &size, LastUpdateTime: a.LastUpdateTime,
		Metadata: map[string]string{"origin": "chart"},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("a blob has no index, whatever its source says (-want +got):\n%s", diff)
	}
	for _, opened := range []*store{s, reopen(t, s)} {
		if err := opened.Check(a); err != nil {
			t.Error(err)
		}
		if got, err := opened.serves(a.Path); err != nil || got != "content" {
			t.Errorf("served %q, %v", got, err)
		}
		if got, err := opened.serves(a.Path + meta.IndexSuffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("an index is served: %q, %v", got, err)
		}
	}
	if diff := cmp.Diff(blobs("podinfo-1.2.3.tgz"), s.files(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMetadataOfTheSource(t *testing.T) {
	s := newStore(t)
	e := entry("abc.tar.gz", "main@sha1:abc")
	e.Metadata = map[string]string{"origin": "x", meta.MetadataIndexDigest: digest("of somebody else")}
	a, err := s.Put(ref(), e, writes("content"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"origin": "x", meta.MetadataIndexDigest: digest("index of content")}
	if diff := cmp.Diff(want, a.Metadata); diff != "" {
		t.Errorf("the digest of the index is ours (-want +got):\n%s", diff)
	}
	if len(e.Metadata) != 2 || e.Metadata[meta.MetadataIndexDigest] == a.Metadata[meta.MetadataIndexDigest] {
		t.Errorf("the map of the caller was changed: %v", e.Metadata)
	}
}

// TestIndexGoesWithItsContent says that an index outlives its tree nowhere: here
// other settings make a blob of what was a tree, under the same name.
func TestIndexGoesWithItsContent(t *testing.T) {
	s := newStore(t)
	a := s.put(t, "layer.tar.gz", "packed", 0)
	b := s.putBy(t, "layer.tar.gz", writesBlob("copied"), 0)
	if got, err := s.serves(a.Path + meta.IndexSuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the index of what was is served: %q, %v", got, err)
	}
	if _, err := s.Collect(b, a); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(blobs("layer.tar.gz"), s.files(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNamesOfArtifacts(t *testing.T) {
	s := newStore(t)
	for name, why := range map[string]string{
		"":                   "none",
		".":                  "the folder",
		"a/b.tgz":            "another folder",
		".record-abc.tar.gz": "it would be the record of another artifact",
		".partial-abc":       "it would be removed as a leftover",
		"abc.tar.gz.index":   "it would be the index of another artifact",
	} {
		if _, err := s.Put(ref(), entry(name, "r"), writesBlob("x")); err == nil {
			t.Errorf("%q is a name: %s", name, why)
		}
	}
	for _, name := range []string{"sha256:abc.tar.gz", "index-abc.yaml", "podinfo-1.2.3+b45c1a9d2e3f.4.tgz", "plain"} {
		a, err := s.Put(ref(), entry(name, "r"), writesBlob("x"))
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if got, err := s.serves(a.Path); err != nil || got != "x" {
			t.Errorf("%q is served as %q, %v", name, got, err)
		}
	}
}

// TestListing says that a folder shows what can be fetched, and not what the
// storage keeps for itself.
func TestListing(t *testing.T) {
	s := newStore(t)
	s.put(t, "abc.tar.gz", "content", 0)
	s.plant(t, folder+"/.partial-def.tar.gz", "half of it")
	for _, n := range []int{-1, 1} {
		f, err := s.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for {
			entries, err := f.(fs.ReadDirFile).ReadDir(n)
			for _, e := range entries {
				names = append(names, e.Name())
			}
			if n < 0 || err != nil {
				break
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		if diff := cmp.Diff([]string{"abc.tar.gz", "abc.tar.gz.index"}, names); diff != "" {
			t.Errorf("asked for %d (-want +got):\n%s", n, diff)
		}
	}
}

// TestServedOverHTTP says that the file server finds in the storage what it needs:
// folders to list, files to seek in, and nothing for what is not to be served.
func TestServedOverHTTP(t *testing.T) {
	s := newStore(t)
	s.put(t, "abc.tar.gz", "content", 0)
	s.putBy(t, "podinfo-1.2.3.tgz", writesBlob("chart"), 0)
	handler := http.FileServerFS(s)
	cases := map[string]struct {
		why, target, ranges string
		code                int
		body                string
	}{
		"Root":        {"the readiness probe asks for it", "/", "", 200, "<a href=\"gitrepository/\">gitrepository/</a>"},
		"Artifact":    {"a consumer fetches it", "/" + folder + "/abc.tar.gz", "", 200, "content"},
		"Index":       {"a consumer reads what changed", "/" + folder + "/abc.tar.gz.index", "", 200, "index of content"},
		"Range":       {"a download is resumed", "/" + folder + "/podinfo-1.2.3.tgz", "bytes=2-", 206, "art"},
		"Record":      {"it is for the storage itself", "/" + folder + "/.record-abc.tar.gz", "", 404, ""},
		"NoIndex":     {"a blob has none", "/" + folder + "/podinfo-1.2.3.tgz.index", "", 404, ""},
		"NothingHere": {"a consumer waits and tries again", "/" + folder + "/def.tar.gz", "", 404, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tc.target, nil)
			if tc.ranges != "" {
				request.Header.Set("Range", tc.ranges)
			}
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			if answer.Code != tc.code || !strings.Contains(answer.Body.String(), tc.body) {
				t.Errorf("%s: answered %d, %q", tc.why, answer.Code, answer.Body)
			}
		})
	}
}

// TestCollectTreesAndBlobs says that what is kept and what goes does not depend
// on the kind of content, nor on the name of the file.
func TestCollectTreesAndBlobs(t *testing.T) {
	s := newStore(t)
	s.putBy(t, "old.tgz", writesBlob("old chart"), 2*ttl)
	s.put(t, "old.tar.gz", "old tree", 2*ttl)
	s.put(t, "oldest", "an index, and no suffix", 3*ttl)
	s.putBy(t, "young.yaml", writesBlob("young"), time.Second)
	s.put(t, "younger.tar.gz", "younger", 0)
	current := s.putBy(t, "current.tgz", writesBlob("current"), 0)
	s = reopen(t, s) // what is where is known from the records
	removed, err := s.Collect(current, nil)
	if err != nil || len(removed) != 4 {
		t.Errorf("removed %v, %v", removed, err)
	}
	want := []string{".record-current.tgz", ".record-younger.tar.gz", "current.tgz", "younger.tar.gz", "younger.tar.gz.index"}
	if diff := cmp.Diff(want, s.files(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
