package remotebase

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"strings"

	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/git"
)

// repository gets the tree of a commit. Submodules are empty folders in it.
func (f *Fetcher) repository(ctx context.Context, address, revision string) (fs.FS, error) {
	from := git.Remote{URL: address}
	target, err := f.resolve(ctx, from, revision)
	if err != nil {
		return nil, err
	}
	return f.trees.get(ctx, address+"@"+target.Commit, func(ctx context.Context) (held, error) {
		checkout, err := f.git.Fetch(ctx, from, target, f.limits)
		if err != nil {
			return held{}, err
		}
		view, ok := checkout.FS().(files)
		if !ok {
			return held{}, errors.Join(errors.New("the tree of a commit cannot be read as one"), checkout.Close())
		}
		return held{files: view, bytes: checkout.Bytes, close: checkout.Close}, nil
	})
}

// resolve finds out which commit a revision stands for.
func (f *Fetcher) resolve(ctx context.Context, from git.Remote, revision string) (git.Resolved, error) {
	if revision == "" {
		name, err := f.defaultBranch(ctx, from.URL)
		if err != nil {
			return git.Resolved{}, err
		}
		return f.git.Resolve(ctx, from, git.Reference{Name: name})
	}
	meanings := meaningsOf(revision)
	for _, meaning := range meanings[:len(meanings)-1] {
		target, err := f.git.Resolve(ctx, from, meaning)
		if err == nil || !isMissing(err) {
			return target, err
		}
	}
	target, err := f.git.Resolve(ctx, from, meanings[len(meanings)-1])
	if err != nil && isMissing(err) {
		return target, errors.New("the repository has no branch or tag of that name")
	}
	return target, err
}

var commit = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

// meaningsOf lists what a revision may be, in the order in which git tries it.
func meaningsOf(revision string) []git.Reference {
	switch {
	case commit.MatchString(revision):
		return []git.Reference{{Commit: revision}}
	case strings.HasPrefix(revision, "refs/"):
		return []git.Reference{{Name: revision}}
	}
	meanings := []git.Reference{{Tag: revision}, {Branch: revision}}
	if strings.HasPrefix(revision, "heads/") || strings.HasPrefix(revision, "tags/") {
		meanings = append([]git.Reference{{Name: "refs/" + revision}}, meanings...)
	}
	return meanings
}

// isMissing recognises that a server was asked and does not have a reference.
func isMissing(err error) bool { return strings.Contains(err.Error(), "lists no such reference") }

const (
	uploadPack = "git-upload-pack"
	// maxGreeting is how much of the list of references is read: the first line,
	// which says what HEAD points at, and more.
	maxGreeting = 64 << 10
)

var symbolic = regexp.MustCompile(`[ \x00]symref=HEAD:(refs/heads/[^ \x00\n]+)`)

// defaultBranch asks a server which branch its HEAD is.
func (f *Fetcher) defaultBranch(ctx context.Context, address string) (string, error) {
	if _, err := git.ParseURL(address); err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/info/refs?service="+uploadPack, http.NoBody)
	if err != nil {
		return "", errors.New("the address is not a URL")
	}
	req.Header.Set("User-Agent", "git/"+userAgent)
	res, err := f.http.Do(req)
	if err != nil {
		return "", egress.RedactError(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("looking for the default branch: the server answered %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	}
	greeting, err := io.ReadAll(io.LimitReader(res.Body, maxGreeting))
	if err != nil {
		return "", fmt.Errorf("looking for the default branch: %w", err)
	}
	found := symbolic.FindSubmatch(greeting)
	if found == nil {
		return "", errors.New("the server does not say which branch is the default one; name one with ?ref=")
	}
	return string(found[1]), nil
}
