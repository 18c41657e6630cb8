package live

import "github.com/capstan-gitops/capstan/pkg/live/ownership"

// The words of package ownership that a user of a Table needs.
type (
	// Verdict is what was found about an object that is not clean.
	Verdict = ownership.Verdict
)

// The kinds of verdicts; package ownership says what they mean.
const (
	Clean       = ownership.Clean
	Dirty       = ownership.Dirty
	Suspect     = ownership.Suspect
	TakeoverDue = ownership.TakeoverDue
	Gone        = ownership.Gone
	Terminating = ownership.Terminating
	Foreign     = ownership.Foreign
	Unwatched   = ownership.Unwatched
)
