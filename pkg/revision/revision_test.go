package revision_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/revision"
)

func TestParse(t *testing.T) {
	sha1 := strings.Repeat("0a", 20)
	sha256 := strings.Repeat("b1", 32)
	cases := map[string]struct {
		why  string
		text string
		want revision.Revision
		fail bool
	}{
		"Branch":         {"the common form", "main@sha1:" + sha1, revision.New("main", "sha1", sha1), false},
		"BranchSlashes":  {"branch names contain slashes", "feat/x@sha1:" + sha1, revision.New("feat/x", "sha1", sha1), false},
		"FullReference":  {"a name reference keeps its full text", "refs/pull/1/head@sha1:" + sha1, revision.New("refs/pull/1/head", "sha1", sha1), false},
		"NameWithAt":     {"the last @ separates", "user@host@sha1:" + sha1, revision.New("user@host", "sha1", sha1), false},
		"CommitAlone":    {"a pinned commit has no name", "sha1:" + sha1, revision.New("", "sha1", sha1), false},
		"OCI":            {"manifests are sha256", "latest@sha256:" + sha256, revision.New("latest", "sha256", sha256), false},
		"Empty":          {"nothing is not a revision", "", revision.Revision{}, true},
		"NameAlone":      {"a digest is required", "main", revision.Revision{}, true},
		"EmptyName":      {"@ promises a name", "@sha1:" + sha1, revision.Revision{}, true},
		"ShortHash":      {"abbreviations are ambiguous", "main@sha1:0a0a0a", revision.Revision{}, true},
		"UpperCase":      {"one spelling per revision", "main@sha1:" + strings.ToUpper(sha1), revision.Revision{}, true},
		"UnknownDigest":  {"an unknown algorithm cannot be checked", "main@md5:" + strings.Repeat("0", 32), revision.Revision{}, true},
		"LegacySlash":    {"the pre-v2 form is not accepted", "main/" + sha1, revision.Revision{}, true},
		"ControlInName":  {"a newline would forge a log line", "ma\nin@sha1:" + sha1, revision.Revision{}, true},
		"Huge":           {"size is checked first", strings.Repeat("x", 5000) + "@sha1:" + sha1, revision.Revision{}, true},
		"TrailingSpaces": {"no trimming", "main@sha1:" + sha1 + " ", revision.Revision{}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := revision.Parse(tc.text)
			if (err != nil) != tc.fail {
				t.Fatalf("%s: error %v, want failure %t", tc.why, err, tc.fail)
			}
			if tc.fail {
				if !errors.Is(err, revision.ErrInvalid) {
					t.Errorf("%s: %v does not wrap ErrInvalid", tc.why, err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", tc.why, diff)
			}
			if got.String() != tc.text {
				t.Errorf("%s: printed %q, want %q", tc.why, got.String(), tc.text)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	cases := map[string]struct {
		why     string
		x, y    revision.Revision
		content bool
		equal   bool
	}{
		"Same":         {"identical", revision.New("main", "sha1", a), revision.New("main", "sha1", a), true, true},
		"Renamed":      {"a tag on the same commit has the same content", revision.New("main", "sha1", a), revision.New("v1", "sha1", a), true, false},
		"OtherCommit":  {"the name alone does not make it equal", revision.New("main", "sha1", a), revision.New("main", "sha1", b), false, false},
		"ZeroIsNobody": {"no revision has no content", revision.Revision{}, revision.Revision{}, false, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.x.SameContent(tc.y); got != tc.content {
				t.Errorf("%s: SameContent %t, want %t", tc.why, got, tc.content)
			}
			if got := revision.Equal(tc.x.String(), tc.y.String()); got != tc.equal {
				t.Errorf("%s: Equal %t, want %t", tc.why, got, tc.equal)
			}
		})
	}
}

func TestShort(t *testing.T) {
	if got, want := revision.New("main", "sha1", strings.Repeat("c", 40)).Short(), "main@cccccccc"; got != want {
		t.Errorf("Short is %q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("main@sha1:" + strings.Repeat("0", 40))
	f.Add("sha1:" + strings.Repeat("f", 40))
	f.Add("@@:")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := revision.Parse(text)
		if err != nil {
			return
		}
		if r.String() != text {
			t.Errorf("parsing %q printed %q", text, r.String())
		}
		if !revision.Equal(text, r.String()) || !r.SameContent(r) {
			t.Errorf("%q is not equal to itself", text)
		}
	})
}
