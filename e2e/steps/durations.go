package steps

import "time"

// Every duration that a story depends on. The patient ones are far above what is usual, for machines that do something
// else at the same time; they are spent only by a story that fails.
const (
	// Arrival is how long a commit may take until it is applied and healthy.
	Arrival = 60 * time.Second
	// Correction is how long a hand edit may live.
	Correction = 15 * time.Second
	// Hearing is how long an event may take to Slack.
	Hearing = 30 * time.Second
	// Disappearance is how long something that was deleted may linger.
	Disappearance = 30 * time.Second

	// Quiet is how long something is watched that must not change.
	Quiet = 4 * time.Second

	// Rare is an interval that does not pass within a story: whatever happens was woken by something else.
	Rare = time.Hour
	// Frequent is an interval that passes several times within Watched.
	Frequent = 2 * time.Second
	// Watched is how long several intervals take.
	Watched = 4*Frequent + time.Second
	// Retry is the interval between attempts after a failure.
	Retry = 2 * time.Second
	// Patience is how long a Kustomization waits for its objects to become healthy.
	Patience = 30 * time.Second
	// Impatience is how long a Kustomization waits that is meant to give up.
	Impatience = 4 * time.Second
	// Moment bounds a random pause before something is killed.
	Moment = 300 * time.Millisecond
)
