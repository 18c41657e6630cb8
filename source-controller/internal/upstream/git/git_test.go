package git_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream/git"
)

// TestCandidatesDoNotMix says that a candidate brings the content of the commit
// it was made for, whatever the repository offers and was asked since.
func TestCandidatesDoNotMix(t *testing.T) {
	server, err := gitserver.Start(gitserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	repository, err := server.CreateRepository(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	dialer, err := git.New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	source := dialer.Open(repository.URL(), credentials.Git{}, &sourcev1.GitRepositoryRef{Branch: "main"})

	messages := []string{"first", strings.Repeat("é", 51)}
	shown := []string{"first", strings.Repeat("é", 47) + "..."}
	hashes, candidates := []string{}, []upstream.Candidate{}
	for _, message := range messages {
		hash, err := repository.Commit(t.Context(), map[string]string{"name": message}, message)
		if err != nil {
			t.Fatal(err)
		}
		candidate, err := source.Resolve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hashes, candidates = append(hashes, hash), append(candidates, candidate)
	}
	for i, candidate := range candidates {
		content, err := candidate.Fetch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		file, err := fs.ReadFile(content.Body.(upstream.Tree).FS, "name")
		if err != nil || string(file) != messages[i] {
			t.Errorf("the content of %s is that of %q, %v", candidate.Revision, file, err)
		}
		if err := content.Close(); err != nil {
			t.Error(err)
		}
		want := []string{
			"main@sha1:" + hashes[i], hashes[i] + ".tar.gz",
			string(meta.ReasonSucceeded), "stored artifact for revision 'main@sha1:" + hashes[i] + "'",
			string(meta.ReasonNewArtifact), "stored artifact for commit '" + shown[i] + "'",
		}
		got := []string{
			candidate.Revision, candidate.File, string(candidate.Ready.Reason), candidate.Ready.Text,
			string(content.Event.Reason), content.Event.Text,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the contract sets these words (-want +got):\n%s", diff)
		}
	}
}
