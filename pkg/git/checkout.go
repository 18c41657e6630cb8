package git

import (
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/capstan-gitops/capstan/pkg/git/internal/pack"
	"github.com/capstan-gitops/capstan/pkg/git/internal/tree"
	"github.com/capstan-gitops/capstan/pkg/revision"
)

// Commit is what is known about a commit. Texts come from the repository: they
// are cut to a line and made printable, and still written by somebody else.
type Commit struct {
	// Hash in hexadecimal.
	Hash string
	// Subject is the first line of the message.
	Subject string
	// Author is the name of the author.
	Author string
	// When is the date of the author.
	When time.Time
}

// Checkout is the tree of a commit. Its objects stay readable until Close.
type Checkout struct {
	// Commit that was fetched.
	Commit Commit
	// Revision that status and events show.
	Revision revision.Revision
	// Objects and Bytes tell how much was received.
	Objects int
	// Bytes of the pack.
	Bytes int64

	pack *pack.Pack
	tree *tree.FS
}

func newCheckout(p *pack.Pack, target Resolved, limits Limits) (*Checkout, error) {
	commit, err := p.Commit(target.want)
	if err != nil && !target.pinned {
		return nil, fmt.Errorf("%s: %w; check what it points at, and spec.ref", lookup{name: target.Reference}, err)
	}
	if err != nil {
		return nil, err
	}
	hash := commit.Hash.String()
	if hash != target.Commit && (target.pinned || target.want.String() != target.Commit) {
		return nil, fmt.Errorf("%s leads to commit %s, the server had said %s", target.Reference, hash, target.Commit)
	}
	files, err := tree.New(p, commit.TreeHash, tree.Limits{Files: limits.Files, HeldBytes: limits.HeldBytes})
	if err != nil {
		return nil, err
	}
	subject, _, _ := strings.Cut(strings.TrimSpace(commit.Message), "\n")
	return &Checkout{
		Commit: Commit{Hash: hash, Subject: line(subject), Author: line(commit.Author.Name), When: commit.Author.When},
		// A server that does not say what an annotated tag leads to names the
		// tag itself; the commit is only known now.
		Revision: revision.New(target.Revision.Name, hashAlgorithm, hash),
		Objects:  p.Len(), Bytes: p.Bytes(),
		pack: p, tree: files,
	}, nil
}

// line makes text of the repository fit for one line of a message.
func line(text string) string {
	text = presentable(text)
	if len(text) <= subjectMaximum {
		return text
	}
	return strings.ToValidUTF8(text[:subjectMaximum], "") + "…"
}

// FS is the tree of the commit. It also implements ReadDirFS, ReadFileFS,
// StatFS and ReadLinkFS, and is safe for concurrent use.
func (c *Checkout) FS() fs.FS { return c.tree }

// Close frees the objects.
func (c *Checkout) Close() error { return c.pack.Close() }
