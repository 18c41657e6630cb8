// Package remote names what a kustomization file refers to outside of its tree.
//
// It reads the addresses that the kustomize library understands and fetches
// nothing: who builds hands in a Fetch. Parse knows the forms of the library's
// documentation; an address is split at "_git/", "//" or ".git", and otherwise
// after two segments of its path.
package remote

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"
)

// DefaultTimeout applies to an address that names none.
const DefaultTimeout = 27 * time.Second

// FileName is the name of the one file in the tree of a KindFile reference.
const FileName = "content.yaml"

// ErrNotFile is wrapped by the error of a Fetch of a KindFile reference when the
// server answered, but not with a file (any status but 2xx). The address is then
// tried as a repository, if it can be one. Any other error ends the build.
var ErrNotFile = errors.New("the address does not answer with a file")

// Kind says how a reference is fetched.
type Kind string

const (
	// KindFile is one file, fetched with a GET of URL.
	KindFile Kind = "file"
	// KindGit is the tree of one commit of the Git repository at URL.
	KindGit Kind = "git"
)

// Ref is one way to fetch what an address names. It is comparable: equal
// references are fetched once in a build.
type Ref struct {
	Kind Kind
	// URL is the file's address with its query as it was written, or the
	// repository's as a Git client takes it: "https://host/org/repo",
	// "ssh://git@host/org/repo.git", or "git@host:org/repo" without a scheme. It
	// may carry a user name and a password: Address does not.
	URL string
	// Revision is the branch, tag, commit or full reference of the repository.
	// Empty means its default branch. A file has none.
	Revision string
	// Submodules says that submodules are part of the tree. It is on unless the
	// address turns it off.
	Submodules bool
	// Timeout is how long fetching may take.
	Timeout time.Duration
}

// Fetch gets the tree of a reference: for KindGit the whole repository, for
// KindFile a tree with one file called FileName. The tree is read-only and follows
// no symbolic links: either it has none, or it implements fs.ReadLinkFS. If it
// implements io.Closer it is closed when the build does not need it any more.
//
// An error names no credentials; one that carries a *fault.Error keeps its class
// and reason, any other means BuildFailed. The context ends with the build; the
// timeout of the reference is the Fetch's to keep.
type Fetch func(ctx context.Context, ref Ref) (fs.FS, error)

// Address returns the reference as it may be shown: without user name, password
// and query.
func (r Ref) Address() string {
	text := Show(r.URL)
	if r.Revision != "" {
		text += "@" + printable(r.Revision)
	}
	return text
}

// Show returns an address without user name, password and query.
func Show(address string) string {
	address, _, _ = strings.Cut(address, "?")
	address, _, _ = strings.Cut(address, "#")
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		scheme, rest = "", address
	} else {
		scheme += "://"
	}
	end := strings.IndexByte(rest, '/')
	if end < 0 {
		end = len(rest)
	}
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return printable(scheme + rest)
}

func printable(text string) string {
	const most = 256
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
