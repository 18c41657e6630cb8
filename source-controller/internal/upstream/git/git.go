// Package git answers for GitRepository: which commit a reference stands for,
// and what is in it.
package git

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/git"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
)

// maxSubject is how much of the subject of a commit an event shows, in
// characters. The wire contract sets it.
const maxSubject = 50

// Dialer opens repositories. It is safe for concurrent use.
type Dialer struct {
	client *git.Client
	limits git.Limits
}

// New returns a Dialer that receives at most maxSize bytes for one commit. Around wraps
// its transports; nil leaves them as they are.
func New(maxSize int64, around func(http.RoundTripper) http.RoundTripper) (*Dialer, error) {
	client, err := git.NewClient(git.Options{Around: around})
	if err != nil {
		return nil, err
	}
	return &Dialer{client: client, limits: git.Limits{PackBytes: maxSize}}, nil
}

// Open returns the repository at a URL, seen through a reference. It asks the
// server nothing.
func (d *Dialer) Open(url string, auth credentials.Git, ref *sourcev1.GitRepositoryRef) upstream.Upstream {
	r := repository{dialer: d, remote: git.Remote{URL: url, Credentials: auth}}
	if ref != nil {
		r.reference = git.Reference{
			Branch: ref.Branch, Tag: ref.Tag, SemVer: ref.SemVer, Name: ref.Name, Commit: ref.Commit,
		}
	}
	return r
}

// repository is a reference in a repository.
type repository struct {
	dialer    *Dialer
	remote    git.Remote
	reference git.Reference
}

// Resolve asks the server which commit the reference stands for.
func (r repository) Resolve(ctx context.Context) (upstream.Candidate, error) {
	target, err := r.dialer.client.Resolve(ctx, r.remote, r.reference)
	if err != nil {
		return upstream.Candidate{}, err
	}
	revision := target.Revision.String()
	return upstream.Candidate{
		Revision: revision,
		File:     target.Commit + ".tar.gz",
		Ready:    upstream.Message{Reason: meta.ReasonSucceeded, Text: fmt.Sprintf("stored artifact for revision '%s'", revision)},
		Fetch:    func(ctx context.Context) (*upstream.Content, error) { return r.fetch(ctx, target) },
	}, nil
}

// fetch gets the tree of a commit.
func (r repository) fetch(ctx context.Context, target git.Resolved) (*upstream.Content, error) {
	checkout, err := r.dialer.client.Fetch(ctx, r.remote, target, r.dialer.limits)
	if err != nil {
		return nil, err
	}
	return &upstream.Content{
		Body: upstream.Tree{FS: checkout.FS()},
		Event: upstream.Message{
			Reason: meta.ReasonNewArtifact,
			Text:   fmt.Sprintf("stored artifact for commit '%s'", subject(checkout.Commit.Subject)),
		},
		Release: checkout.Close,
	}, nil
}

func subject(text string) string {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) <= maxSubject {
		return text
	}
	return string([]rune(text)[:maxSubject-3]) + "..."
}
