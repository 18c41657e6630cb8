package remote

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func git(url, revision, dir string) Location {
	return Location{Ref{Kind: KindGit, URL: url, Revision: revision, Submodules: true, Timeout: DefaultTimeout}, dir}
}

func TestParseRepository(t *testing.T) {
	cases := map[string]struct {
		why, in string
		want    Location
	}{
		"DoubleSlash":     {"the separator of the documentation", "https://example.com/org/repo//path/to?ref=v1", git("https://example.com/org/repo", "v1", "path/to")},
		"DeepRepository":  {"a repository may lie deeper", "https://example.com/a/b/c//d?ref=v1", git("https://example.com/a/b/c", "v1", "d")},
		"TwoSegments":     {"else the first two segments", "https://github.com/org/repo/path/to?ref=v1", git("https://github.com/org/repo", "v1", "path/to")},
		"NoScheme":        {"GitHub needs none", "github.com/org/repo/path?ref=main", git("https://github.com/org/repo", "main", "path")},
		"NoSchemeColon":   {"nor a slash", "github.com:org/repo", git("https://github.com/org/repo", "", ".")},
		"Case":            {"hosts and schemes have none", "HTTPS://GitHub.com/org/repo", git("https://github.com/org/repo", "", ".")},
		"Short":           {"as Git writes it", "git@github.com:org/repo.git/path", git("git@github.com:org/repo.git", "", "path")},
		"ShortElsewhere":  {"on any host", "git@example.com:org/repo//path?ref=v1", git("git@example.com:org/repo", "v1", "path")},
		"ShortSlash":      {"with a slash", "git@github.com/org/repo", git("git@github.com:org/repo", "", ".")},
		"SSH":             {"with a scheme", "ssh://git@example.com/org/repo.git//path", git("ssh://git@example.com/org/repo.git", "", "path")},
		"SSHPort":         {"with a port", "ssh://git@example.com:2222/org/repo.git", git("ssh://git@example.com:2222/org/repo.git", "", ".")},
		"SSHGitHub":       {"is written the short way", "ssh://git@github.com/org/repo", git("git@github.com:org/repo", "", ".")},
		"Forced":          {"the prefix means nothing", "git::https://example.com/org/repo.git", git("https://example.com/org/repo.git", "", ".")},
		"ForcedShort":     {"on a short address either", "git::git@example.com:org/repo", git("git@example.com:org/repo", "", ".")},
		"DotGit":          {"ends the repository", "https://example.com/a/b/repo.git/path", git("https://example.com/a/b/repo.git", "", "path")},
		"DotGitEnd":       {"at the end", "https://example.com/a/b/repo.git?ref=x", git("https://example.com/a/b/repo.git", "x", ".")},
		"DotGitHub":       {"only as a whole", "https://github.com/org/.github/path", git("https://github.com/org/.github", "", "path")},
		"Azure":           {"the segment after _git", "https://dev.azure.com/org/project/_git/repo/path/to?version=GBmain", git("https://dev.azure.com/org/project/_git/repo", "GBmain", "path/to")},
		"Version":         {"ref is stronger", "https://example.com/o/r?version=a&ref=b", git("https://example.com/o/r", "b", ".")},
		"Password":        {"is kept for the fetcher", "https://user:pw@example.com/o/r.git", git("https://user:pw@example.com/o/r.git", "", ".")},
		"UncleanPath":     {"is made clean", "https://example.com/o/r//a/./b/../c/", git("https://example.com/o/r", "", "a/c")},
		"AbsolutePath":    {"is below the root", "https://example.com/o/r///a", git("https://example.com/o/r", "", "a")},
		"SlashedRevision": {"a branch may have a slash", "https://example.com/o/r?ref=feature/x", git("https://example.com/o/r", "feature/x", ".")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(c.in)
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			if diff := cmp.Diff(c.want, got[len(got)-1]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

func TestParseOptions(t *testing.T) {
	cases := map[string]struct {
		why, query string
		timeout    time.Duration
		submodules bool
	}{
		"None":       {"the defaults", "", DefaultTimeout, true},
		"Seconds":    {"a number is seconds", "timeout=120", 2 * time.Minute, true},
		"Duration":   {"or a duration", "timeout=1m30s", 90 * time.Second, true},
		"Negative":   {"is ignored", "timeout=-5s", DefaultTimeout, true},
		"Huge":       {"does not overflow", "timeout=9223372036854775807", DefaultTimeout, true},
		"Nonsense":   {"is ignored", "timeout=soon&submodules=perhaps", DefaultTimeout, true},
		"Submodules": {"may be turned off", "submodules=false", DefaultTimeout, false},
		"Broken":     {"a query that is none", "%zz&submodules=false", DefaultTimeout, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("git@example.com:org/repo?" + c.query)
			if err != nil {
				t.Fatal(err)
			}
			ref := got[0].Ref
			if len(got) != 1 || ref.Timeout != c.timeout || ref.Submodules != c.submodules {
				t.Errorf("%s: got %+v", c.why, got)
			}
		})
	}
}

func TestParseTriesAFileFirst(t *testing.T) {
	const address = "https://example.com/org/repo/v1/x.yaml?token=t"
	got, err := Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	file := Location{Ref{Kind: KindFile, URL: address, Timeout: DefaultTimeout}, FileName}
	if diff := cmp.Diff([]Location{file, git("https://example.com/org/repo", "", "v1/x.yaml")}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got, err = Parse("https://example.com/x.yaml")
	if err != nil || len(got) != 1 || got[0].Ref.Kind != KindFile {
		t.Errorf("one segment is no repository: %v, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"file:///etc/passwd":                    "path of the machine",
		"FILE://host/x/y":                       "path of the machine",
		"ftp://hunter2:hunter2@example.com/a/b": "no scheme",
		"../base":                               "no scheme",
		"example.com/org/repo":                  "no scheme",
		"git@":                                  "no host",
		"ssh://":                                "no host",
		"git@example.com:repo":                  "no repository",
		"git@example.com:org/repo//../../x":     "leaves the repository",
		"git@example.com:org/repo.git/../..":    "leaves the repository",
		"git@example.com:org/repo\n":            "control characters",
		"git@example.com:org/repo?ref=a%00b":    "revision is not valid",
		"git@example.com:org/repo?ref=a%20b":    "revision is not valid",
	} {
		got, err := Parse(in)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: want %q, got %v, %v", in, want, got, err)
		}
	}
}

func TestAddressKeepsCredentialsToItself(t *testing.T) {
	for in, want := range map[string]string{
		"https://hunter2:hunter2@example.com/o/r?token=hunter2#hunter2": "https://example.com/o/r@v1",
		"hunter2@example.com:o/r": "example.com:o/r@v1",
		"https://h/a@b/c":         "https://h/a@b/c@v1",
	} {
		if got := (Ref{URL: in, Revision: "v1"}).Address(); got != want {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}
