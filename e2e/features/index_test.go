package features

import (
	"io/fs"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/e2e/testdata"
)

func TestIndexIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := WithIndex(string(page))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("run go run ./cmd/index in e2e (-want +got):\n%s", diff)
	}
}

func TestIndexNeedsItsPlace(t *testing.T) {
	if _, err := WithIndex("# A page without the lines\n"); err == nil {
		t.Error("the index went into a page that has no place for it")
	}
}

func TestStoriesAreComplete(t *testing.T) {
	row := regexp.MustCompile(`^[0-3]-[0-9]{2}$`)
	names := map[string]bool{}
	for _, s := range Stories() {
		if names[s.Name] {
			t.Errorf("two stories are called %s", s.Name)
		}
		names[s.Name] = true
		if s.Title == "" || len(s.Rows) == 0 || len(s.Labels) == 0 {
			t.Errorf("story %s lacks a title, a scenario or a label", s.Name)
		}
		if len(s.Flags) > 0 && !s.Has(Alone) {
			t.Errorf("story %s has flags, which a world that is shared would not start with", s.Name)
		}
		for _, r := range s.Rows {
			if !row.MatchString(r) {
				t.Errorf("story %s names scenario %q, which is not a number of one", s.Name, r)
			}
		}
		if _, err := fs.Stat(testdata.Files, s.Folder); err != nil {
			t.Errorf("story %s has no test data: %v", s.Name, err)
		}
	}
}
