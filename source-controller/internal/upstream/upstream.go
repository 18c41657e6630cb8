// Package upstream says what a kind of source has to answer: which revision it
// offers now, and what that revision contains. Each kind is a package below.
package upstream

import (
	"context"
	"io/fs"
)

// Revision is what a source offers.
type Revision struct {
	// Text is the revision as users see it, as in "main@sha1:<commit>".
	Text string
	// File is the name of the artifact file.
	File string
}

// Tree is the content of a revision.
type Tree struct {
	// FS reads the content. Symbolic links are reported as such.
	FS fs.FS
	// Summary says in a few words what the revision is, for the event that tells
	// of a new artifact.
	Summary string
	// Close frees what the tree holds.
	Close func() error
}

// Upstream is one source, with the credentials to reach it.
type Upstream interface {
	// Resolve returns the revision the source offers now.
	Resolve(ctx context.Context) (Revision, error)
	// Fetch returns the content of a revision that Resolve returned.
	Fetch(ctx context.Context, revision Revision) (*Tree, error)
}
