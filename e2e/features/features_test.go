package features

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/testdata"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// worldsAtATime bounds how many stories that need a world of their own run at once.
const worldsAtATime = 2

// TestStories runs all stories, or those with a label of CAPSTAN_E2E_LABELS, which are separated by commas.
func TestStories(t *testing.T) {
	var together, alone []Story
	binaries := &world.Binaries{}
	for _, story := range Stories() {
		switch {
		case !chosen(story, os.Getenv("CAPSTAN_E2E_LABELS")):
		case story.Has(Alone):
			alone = append(alone, story)
		default:
			together = append(together, story)
		}
	}
	t.Run("together", func(t *testing.T) {
		if len(together) == 0 {
			return
		}
		w := start(t, world.Options{Binaries: binaries})
		for _, story := range together {
			t.Run(story.Name, func(t *testing.T) {
				t.Parallel()
				runStory(t, w, story)
			})
		}
	})
	t.Run("alone", func(t *testing.T) {
		room := make(chan struct{}, worldsAtATime)
		for _, story := range alone {
			t.Run(story.Name, func(t *testing.T) {
				t.Parallel()
				room <- struct{}{}
				defer func() { <-room }()
				runStory(t, start(t, world.Options{Binaries: binaries, Audit: true, Args: story.Flags}), story)
			})
		}
	})
}

func chosen(story Story, labels string) bool {
	return labels == "" || slices.ContainsFunc(strings.Split(labels, ","), func(label string) bool { return story.Has(Label(label)) })
}

func start(t *testing.T, o world.Options) *world.World {
	t.Helper()
	o.Progress = t.Output()
	w, err := world.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func runStory(t *testing.T, w *world.World, story Story) {
	t.Helper()
	t.Log(story.Title)
	files, err := fs.Sub(testdata.Files, story.Folder)
	if err != nil {
		t.Fatal(err)
	}
	story.Run(steps.NewScene(t, w, story.Name, files))
}
