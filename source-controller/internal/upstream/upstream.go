// Package upstream says what a kind of source has to answer: which revision it
// offers now, and what that revision contains. Each kind is a package below.
//
// An Upstream only finds a Candidate. The Candidate carries everything that is
// needed to get its content, so an Upstream keeps nothing between the two steps
// and two candidates of one source never mix.
//
//	kind            revision                       content
//	GitRepository   branch and commit              Tree of the commit
//	OCIRepository   tag and digest of the manifest Tree of a layer, or Blob that is a copy of it
//	Bucket          digest of names and etags      Tree, in which the listing left out what is ignored
//	HelmRepository  digest of the index            Blob
//	HelmChart       version of the chart           Blob
package upstream

import (
	"context"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Upstream is one source, with the credentials to reach it.
type Upstream interface {
	// Resolve returns the revision the source offers now. It asks no more of the
	// source than is needed to name the revision; of one that the spec pins, it
	// may ask nothing. Errors are faults that carry the reason users see.
	Resolve(ctx context.Context) (Candidate, error)
}

// Candidate is a revision on offer. It becomes the artifact unless that is what
// is stored already.
type Candidate struct {
	// Revision as users see it, as in "main@sha1:<commit>". It is the same as long
	// as the content is the same.
	Revision string
	// File is the name of the artifact file, suffix included.
	File string
	// Ready is what the condition Ready shows once the revision is stored.
	Ready Message
	// Metadata of the artifact in the status, as far as it is known before the
	// content is. See Content.Metadata.
	Metadata map[string]string
	// Fetch gets the content. It runs only when the revision is to be stored, at
	// most once.
	Fetch func(ctx context.Context) (*Content, error)
}

// Message is a reason and a sentence for users.
type Message struct {
	Reason meta.Reason
	Text   string
}
