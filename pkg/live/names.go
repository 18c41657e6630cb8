package live

import "github.com/capstan-gitops/capstan/pkg/live/mark"

// The words of package mark that a user of a Table needs.
type (
	// Marker computes fingerprints.
	Marker = mark.Marker
	// Verdict is what was found about an object that is not clean.
	Verdict = mark.Verdict
)

// The kinds of verdicts; package mark says what they mean.
const (
	Clean       = mark.Clean
	Dirty       = mark.Dirty
	Suspect     = mark.Suspect
	TakeoverDue = mark.TakeoverDue
	Gone        = mark.Gone
	Terminating = mark.Terminating
	Foreign     = mark.Foreign
	Unwatched   = mark.Unwatched
)

// DefaultTakeover returns the managers whose fields are taken over.
func DefaultTakeover(fieldManager string, override ...string) []mark.Takeover {
	return mark.DefaultTakeover(fieldManager, override...)
}
