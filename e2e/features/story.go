package features

import (
	"cmp"
	"slices"

	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// Label sorts stories.
type Label string

// The labels of stories.
const (
	// Smoke is for the few stories that tell quickly whether anything works at all.
	Smoke Label = "smoke"
	// Slow is for stories that take more than half a minute.
	Slow Label = "slow"
	// Alone is for stories that break their world, count in it or start it with flags; they get one of their own, with an
	// audit log.
	Alone Label = "alone"

	// Sync is the area of what is in Git arriving in the cluster.
	Sync Label = "sync"
	// Deletion is the area of what is no longer in Git leaving the cluster.
	Deletion Label = "deletion"
	// Drift is the area of what others do to applied objects.
	Drift Label = "drift"
	// Cost is the area of what a change makes necessary, and nothing else.
	Cost Label = "cost"
)

// Story is something the product does, as a user would describe it.
type Story struct {
	// Name is the name of the test.
	Name string
	// Folder is where its test data lies; by default it has the story's name.
	Folder string
	// Title is the sentence the story proves.
	Title string
	// Rows are the scenarios it is evidence for, by their numbers in the guides our users read.
	Rows   []string
	Labels []Label
	// Flags are further flags of controllers. A world is shared by stories without any.
	Flags map[world.Controller][]string
	// Run is the story.
	Run func(*steps.Scene)
}

// Has reports whether the story carries a label.
func (s Story) Has(label Label) bool { return slices.Contains(s.Labels, label) }

// Stories returns all stories.
func Stories() []Story {
	stories := []Story{
		push(), refusal(), health(), overlays(), environments(), variables(), secrets(),
		order(), migration(), rollback(), tenant(), remote(),
		deletion(), hold(), fleet(), undo(), move("move-old-first"), move("move-new-first"), nested(),
		handEdit(), warn(), rolloutRestart(), incident(),
		untouched(), kill(), quiet(),
	}
	for i := range stories {
		stories[i].Folder = cmp.Or(stories[i].Folder, stories[i].Name)
	}
	return stories
}
