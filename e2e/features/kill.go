package features

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// shuffled returns all controllers in any order.
func shuffled() []world.Controller {
	all := world.Controllers()
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// kill guards against work that is left half done: controllers that die at any point converge on what an undisturbed run comes to.
func kill() Story {
	return Story{
		Name:   "kill",
		Title:  "Controllers that are killed at random points carry on where they were",
		Rows:   []string{"3-26"},
		Labels: []Label{Sync, Slow, Alone},
		Run: func(s *steps.Scene) {
			s.Given("a repository that is synced")
			repository := s.Repository("state-1")
			app := repository.Sync("app")
			app.BecomesReady()

			victims := append(shuffled(), shuffled()...)
			for i, victim := range victims {
				state := i + 2
				pause := time.Duration(rand.Int64N(int64(steps.Moment)))

				s.When(fmt.Sprintf("%s is killed %s after commit %d, and started again", victim, pause, state))
				revision := repository.Commit(fmt.Sprintf("state-%d", state))
				s.Pause(pause)
				s.Kill(victim)
				s.Restart(victim)

				s.Then("the commit is applied all the same, and what it deleted is gone")
				app.Applies(revision)
				s.RunsImage("web", fmt.Sprintf("registry.example.com/web:%d.0", state))
				s.Exists(steps.ConfigMap(fmt.Sprintf("only-%d", state)))
				s.Vanishes(steps.ConfigMap(fmt.Sprintf("only-%d", state-1)))
				if victim != world.Kustomize { // what that one was about to tell dies with it
					s.SlackHears(steps.Good, "web configured", revision)
				}
			}
		},
	}
}
