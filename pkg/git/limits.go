package git

import (
	"cmp"

	"github.com/capstan-gitops/capstan/pkg/git/internal/pack"
)

// Limits bound what a repository may cost. A zero field takes its default.
type Limits struct {
	// PackBytes bounds the bytes of a pack; 2 GiB.
	PackBytes int64
	// Objects bounds the number of objects in a pack; 4 million.
	Objects int
	// ObjectBytes bounds one object; 1 GiB. Files are streamed, never held.
	ObjectBytes int64
	// HeldBytes bounds one object that has to be held in memory: trees, commits
	// and whatever the server sent as a difference; 128 MiB.
	HeldBytes int64
	// InflatedBytes bounds the sum of all objects; 16 GiB.
	InflatedBytes int64
	// Files bounds the entries of one tree, and the depth of paths with it;
	// 1 million.
	Files int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		PackBytes:     cmp.Or(l.PackBytes, 2<<30),
		Objects:       cmp.Or(l.Objects, 4_000_000),
		ObjectBytes:   cmp.Or(l.ObjectBytes, 1<<30),
		HeldBytes:     cmp.Or(l.HeldBytes, 128<<20),
		InflatedBytes: cmp.Or(l.InflatedBytes, 16<<30),
		Files:         cmp.Or(l.Files, 1_000_000),
	}
}

// pack returns the limits of what is inside a pack.
func (l Limits) pack() pack.Limits {
	return pack.Limits{
		Objects: l.Objects, ObjectBytes: l.ObjectBytes, HeldBytes: l.HeldBytes, InflatedBytes: l.InflatedBytes,
	}
}

const (
	maxAdvertisedBytes = 128 << 20
	maxAdvertisedRefs  = 1_000_000
	maxWants           = 50_000
	maxAnswerLines     = 100_000
	maxErrorBody       = 4 << 10
	maxShownAnswer     = 200
)
