package git_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream/git"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream/hosts"
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
	dialer, err := git.New(1<<20, nil)
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

// TestPausedHostIsKnown says that whoever asks learns that its host is not asked at the
// moment, also when the values of its credential stand in the text and with a connection
// of its own.
func TestPausedHostIsKnown(t *testing.T) {
	server, err := gitserver.Start(gitserver.Options{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	base := server.BaseURL()
	ca := server.CA()
	_ = server.Close()
	clock := clocktesting.NewFakeClock(time.Now())
	remote := hosts.New(hosts.Options{Clock: clock, Least: time.Second, Most: time.Minute, Random: func() float64 { return 0 }})
	dialer, err := git.New(1<<20, remote.Around)
	if err != nil {
		t.Fatal(err)
	}
	resolve := func(secret map[string][]byte) error {
		auth, err := credentials.ForGit(secret, base+"/shop.git")
		if err != nil {
			t.Fatal(err)
		}
		source := dialer.Open(base+"/shop.git", auth, &sourcev1.GitRepositoryRef{Branch: "main"})
		_, err = source.Resolve(hosts.For(t.Context(), "apps", false))
		return err
	}
	var paused *hosts.PausedError
	if err := resolve(nil); err == nil || errors.As(err, &paused) {
		t.Fatalf("the first request finds out itself, got %v", err)
	}
	for name, secret := range map[string]map[string][]byte{
		"Anonymous":    nil,
		"Quoted":       {"username": []byte("u"), "password": []byte("did not answer")},
		"OwnAuthority": {"ca.crt": ca},
	} {
		err := resolve(secret)
		if !errors.As(err, &paused) || paused.For != time.Second || fault.Of(err).Reason != meta.ReasonGitOperationFailed {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
