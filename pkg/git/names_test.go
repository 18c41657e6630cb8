package git_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/git"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

// says checks that a fetch fails with a message that has all the parts and none of the
// others.
func says(t *testing.T, why string, err error, parts, others []string) {
	t.Helper()
	if !fault.Is(err, meta.ReasonGitOperationFailed) {
		t.Fatalf("%s: got %v", why, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %q does not say %q", why, err, part)
		}
	}
	for _, part := range others {
		if strings.Contains(err.Error(), part) {
			t.Errorf("%s: %q says %q", why, err, part)
		}
	}
}

// TestTagsOnOtherThings has tags on what is no commit: the message names the tag, since
// nobody knows an object by its hash.
func TestTagsOnOtherThings(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo, ok, ctx := newRepo(t, server), must(t), t.Context()
	commit := ok(repo.Commit(ctx, map[string]string{"a.yaml": "1", "dir/b": "2"}, "one"))
	blob, tree := ok(repo.Resolve(ctx, commit+":a.yaml")), ok(repo.Resolve(ctx, commit+":dir"))
	ok("", repo.Tag(ctx, "1.0.0", commit))
	ok("", repo.Tag(ctx, "1.3.0", blob))
	ok("", repo.Tag(ctx, "2.0.0", tree))
	ok(repo.AnnotatedTag(ctx, "3.0.0", blob, "release"))
	ok("", repo.Tag(ctx, "4.0.0+a", commit))
	ok("", repo.Tag(ctx, "4.0.0+b", blob))
	ok("", repo.Tag(ctx, "5.0.0+a", blob))
	ok("", repo.Tag(ctx, "5.0.0+b", tree))
	ok("", repo.SetReference(ctx, "refs/notes/x", blob))
	client := newClient(t)
	for name, tc := range map[string]struct {
		why  string
		ref  git.Reference
		says []string
	}{
		"SemVer":    {"the highest version is on a file", git.Reference{SemVer: "1.x"}, []string{`tag "1.3.0"`, "is a blob", "spec.ref"}},
		"Folder":    {"or on a folder", git.Reference{SemVer: "2.x"}, []string{`tag "2.0.0"`, "is a tree"}},
		"Annotated": {"or says so in a tag object", git.Reference{SemVer: "3.x"}, []string{`tag "3.0.0"`, "is a blob"}},
		"Tag":       {"a tag that is asked for by name", git.Reference{Tag: "1.3.0"}, []string{`tag "1.3.0"`, "is a blob"}},
		"Name":      {"any reference", git.Reference{Name: "refs/notes/x"}, []string{`reference "refs/notes/x"`, "is a blob"}},
		"AllTied":   {"none of several tags of a version is on a commit", git.Reference{SemVer: "5.x"}, []string{`tag "5.0.0+`, "is a "}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fetch(t, client, git.Remote{URL: repo.URL()}, tc.ref, git.Limits{})
			says(t, tc.why, err, tc.says, nil)
		})
	}
	got, err := fetch(t, client, git.Remote{URL: repo.URL()}, git.Reference{SemVer: "4.x"}, git.Limits{})
	if err != nil || got.Revision.String() != "4.0.0+a@sha1:"+commit {
		t.Errorf("of several tags of a version the one on a commit counts, got %v", err)
	}
}

// TestSHA256 says what is wrong with a repository whose objects are named by SHA-256, and
// with a commit of one.
func TestSHA256(t *testing.T) {
	server := serve(t, gitserver.Options{})
	client := newClient(t)
	repo := newRepo(t, server)
	if err := os.RemoveAll(repo.Dir()); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "git", "init", "--quiet", "--bare", "--initial-branch=main", "--object-format=sha256", repo.Dir())
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	must(t)(repo.Commit(t.Context(), map[string]string{"f": "1"}, "one"))
	_, err := fetch(t, client, git.Remote{URL: repo.URL()}, git.Reference{Branch: "main"}, git.Limits{})
	says(t, "the format is what is wrong", err, []string{"uses SHA-256 objects, which this version does not read", repo.URL()}, []string{"malformed"})
	_, err = fetch(t, client, git.Remote{URL: server.BaseURL() + "/x"}, git.Reference{Commit: strings.Repeat("ab", 32)}, git.Limits{})
	says(t, "a commit of such a repository", err, []string{"SHA-256"}, []string{"40 hexadecimal"})
}

// TestMissingReferenceIsExplained says what a reader learns about a reference that the
// repository does not have.
func TestMissingReferenceIsExplained(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo, ok, ctx := newRepo(t, server), must(t), t.Context()
	commit := ok(repo.Commit(ctx, map[string]string{"f": "1"}, "one"))
	ok("", repo.Branch(ctx, "dev", commit))
	ok("", repo.Tag(ctx, "v1.2.3", commit))
	ok("", repo.Tag(ctx, "2.0.0", commit))
	many := newRepoNamed(t, server, "many")
	commit = ok(many.Commit(ctx, map[string]string{"f": "1"}, "one"))
	for _, name := range []string{"a", "b", "c", "d", "e", "f", strings.Repeat("x", 200)} {
		ok("", many.Branch(ctx, name, commit))
	}
	ok("", many.DeleteReference(ctx, "refs/heads/main"))
	client := newClient(t)
	for name, tc := range map[string]struct {
		why    string
		repo   *gitserver.Repository
		ref    git.Reference
		says   []string
		silent []string
	}{
		"NoRef": {"nothing was asked for, and the branch that this means is not there", repo, git.Reference{},
			[]string{`branch "master"`, "spec.ref is not set", `the branches "main", its default, "dev"`, "set spec.ref.branch"}, []string{"and others"}},
		"Branch":      {"another one is the default", repo, git.Reference{Branch: "release"}, []string{`branch "release"`, `"main", its default, "dev"`, "check spec.ref"}, []string{"is not set"}},
		"BranchIsTag": {"there is a tag of that name", repo, git.Reference{Branch: "v1.2.3"}, []string{`there is tag "v1.2.3"`}, nil},
		"TagIsBranch": {"there is a branch of that name", repo, git.Reference{Tag: "dev"}, []string{`there is branch "dev"`}, []string{"its default"}},
		"TagWithV":    {"the tag begins with a v", repo, git.Reference{Tag: "1.2.3"}, []string{`there is tag "v1.2.3"`}, nil},
		"TagWithoutV": {"the tag does not begin with a v", repo, git.Reference{Tag: "v2.0.0"}, []string{`there is tag "2.0.0"`}, nil},
		"Case":        {"it is spelled otherwise", repo, git.Reference{Branch: "Main"}, []string{`there is branch "main"`}, nil},
		"SemVer":      {"no version is in the range", repo, git.Reference{SemVer: ">=3"}, []string{`the highest version is "2.0.0"`}, []string{"branches"}},
		"NoVersions":  {"no tag is a version", many, git.Reference{SemVer: ">=3"}, []string{"no tag is a version of three parts"}, nil},
		"Many":        {"the message ends somewhere", many, git.Reference{}, []string{`the branches "a", "b", "c", "d", "e" and others`}, []string{"xxx", `"f"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fetch(t, client, git.Remote{URL: tc.repo.URL()}, tc.ref, git.Limits{})
			says(t, tc.why, err, tc.says, tc.silent)
		})
	}
}

func newRepoNamed(t *testing.T, s *gitserver.Server, name string) *gitserver.Repository {
	t.Helper()
	repo, err := s.CreateRepository(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}
