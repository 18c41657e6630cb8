package storage_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
)

func TestCollect(t *testing.T) {
	const folder = "gitrepository/apps/podinfo/"
	cases := map[string]struct {
		why  string
		ages map[string]time.Duration // of artifacts beside the current one
		left []string
	}{
		"Alone":        {"the current one stays, however old", nil, []string{}},
		"Young":        {"somebody may still be fetching the last one", map[string]time.Duration{"a": ttl - time.Second}, []string{"a"}},
		"Old":          {"nobody needs it any more", map[string]time.Duration{"a": ttl + time.Second}, []string{}},
		"TooMany":      {"two are kept, the current one included", map[string]time.Duration{"a": 1, "b": 2 * time.Second, "c": 3 * time.Second}, []string{"a"}},
		"TooManyOfOne": {"of one age the order is that of the names, so that two replicas agree", map[string]time.Duration{"b": 1, "a": 1, "c": 1}, []string{"a"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			current := s.put(t, "current.tar.gz", "current", 24*time.Hour)
			for file, age := range tc.ages {
				s.put(t, file+".tar.gz", file, age)
			}
			removed, err := s.Collect(current, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(removed) != len(tc.ages)-len(tc.left) {
				t.Errorf("%s: removed %v", tc.why, removed)
			}
			var left []string
			for _, file := range tc.left {
				left = append(left, file+".tar.gz")
			}
			want := indexed(append(left, "current.tar.gz")...)
			if diff := cmp.Diff(want, s.files(t)); diff != "" {
				t.Errorf("%s: files (-want +got):\n%s", tc.why, diff)
			}
			if got, err := s.serves(current.Path); err != nil || got != "current" {
				t.Errorf("the current one is served as %q, %v", got, err)
			}
			for _, file := range removed {
				if got, err := s.serves(folder + file); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is still served: %q, %v", file, got, err)
				}
			}
		})
	}
}

// TestCollectLeftovers says that whatever a process that was killed left behind
// goes, at whichever step it was killed.
func TestCollectLeftovers(t *testing.T) {
	const folder = "gitrepository/apps/podinfo/"
	cases := map[string]struct {
		why     string
		planted []string
	}{
		"HalfTheArtifact":    {"killed while packing", []string{".partial-b.tar.gz"}},
		"HalfTheIndex":       {"killed while writing the index", []string{".partial-b.tar.gz", ".partial-b.tar.gz.index"}},
		"IndexWithoutAFile":  {"killed between the index and the artifact", []string{".partial-b.tar.gz", "b.tar.gz.index"}},
		"IndexAlone":         {"the artifact could not be given its name", []string{"b.tar.gz.index"}},
		"HalfOfTheCurrent":   {"killed while making the current one again", []string{".partial-current.tar.gz"}},
		"RecordWithoutAFile": {"killed between the record and the artifact", []string{".partial-b.tar.gz", ".record-b.tar.gz", "b.tar.gz.index"}},
		"HalfTheRecord":      {"killed while writing the record", []string{".partial-b.tar.gz", ".partial-b.tar.gz.index", ".partial-.record-b.tar.gz"}},
		"FileWithoutARecord": {"nobody knows what it is", []string{"b.tar.gz", "c.tgz", "d"}},
		"DamagedRecord":      {"nobody knows what the artifact was", []string{"b.tar.gz", ".record-b.tar.gz"}},
		"ManyOfThemTogether": {"killed again and again", []string{".partial-b.tar.gz", "c.tar.gz.index", "d.tar.gz.index"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			current := s.put(t, "current.tar.gz", "current", 0)
			previous := s.put(t, "previous.tar.gz", "previous", time.Second)
			for _, file := range tc.planted {
				s.plant(t, folder+file, "rest")
			}
			if _, err := s.Collect(current, nil); err != nil {
				t.Fatal(err)
			}
			want := indexed("current.tar.gz", "previous.tar.gz")
			if diff := cmp.Diff(want, s.files(t)); diff != "" {
				t.Errorf("%s: files (-want +got):\n%s", tc.why, diff)
			}
			if _, err := s.serves(previous.Path); err != nil {
				t.Errorf("%s: %v", tc.why, err)
			}
		})
	}
}

func TestCollectWithLinksAndFolders(t *testing.T) {
	s := newStore(t)
	current := s.put(t, "current.tar.gz", "current", 0)
	folder := filepath.Join(s.dir, "gitrepository/apps/podinfo")
	outside := filepath.Join(t.TempDir(), "kept")
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"latest.tar.gz", "second.tar.gz"} {
		if err := os.Symlink(outside, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.clock.Step(48 * time.Hour * 365 * 100) // the links are as old as the machine's clock says
	if _, err := s.Collect(current, nil); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff(append(indexed("current.tar.gz"), "folder"), names); diff != "" {
		t.Errorf("leftover links of other versions go, folders are not ours (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("a link took its target with it: %v", err)
	}
}

func TestCollectWithoutAFolder(t *testing.T) {
	s := newStore(t)
	removed, err := s.Collect(&meta.Artifact{Path: "gitrepository/apps/podinfo/abc.tar.gz"}, nil)
	if err != nil || len(removed) != 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
}

// TestCollectKeepsWhatTheStatusNames says that the artifact which was current
// until now outlives the collection, whatever its age: consumers fetch it until
// they have read the new status.
func TestCollectKeepsWhatTheStatusNames(t *testing.T) {
	s := newStore(t)
	s.put(t, "older.tar.gz", "older", time.Second)
	previous := s.put(t, "previous.tar.gz", "previous", time.Hour)
	current := s.put(t, "current.tar.gz", "current", 0)
	if _, err := s.Collect(current, previous); err != nil {
		t.Fatal(err)
	}
	want := indexed("current.tar.gz", "previous.tar.gz")
	if diff := cmp.Diff(want, s.files(t)); diff != "" {
		t.Errorf("two are kept, and these are the two (-want +got):\n%s", diff)
	}
	if _, err := s.Collect(current, current); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(indexed("current.tar.gz"), s.files(t)); diff != "" {
		t.Errorf("an artifact made again is no other one (-want +got):\n%s", diff)
	}
}
