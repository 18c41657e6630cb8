package features

import (
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/world"
)

func fleet() Story {
	return Story{
		Name:   "fleet",
		Title:  "A merge that would take away the children of a root Kustomization is held by the deletion budget",
		Rows:   []string{"0-11", "0-12", "1-25", "2-04", "3-10"},
		Labels: []Label{Deletion, Alone},
		Flags:  map[world.Controller][]string{world.Kustomize: {"--deletion-budget=count=5"}},
		Run: func(s *steps.Scene) {
			s.Given("a root whose folder has a Kustomization for the platform and ten for teams")
			repository := s.Repository("before")
			root := repository.Sync("root", steps.Substitute("namespace", s.Namespace))
			root.BecomesReady()
			for team := range 10 {
				s.Exists(steps.ConfigMap(fmt.Sprintf("team-%02d-config", team+1)))
			}
			first := steps.ConfigMap("team-01-config")
			before := s.UID(first)

			s.When("a bad merge deletes the files of all teams")
			revision := repository.Commit("merged")

			s.Then("nothing is deleted, and the root says what it holds, and why")
			digest := root.Holds(10)
			root.Fails(meta.ReasonPruneFailed, "10 of 11 objects", "budget", meta.AnnotationConfirmDeletion, digest)
			s.SlackHears(steps.Danger, "10 of 11 objects", digest, revision)
			s.StayUnchanged(steps.Quiet, first, steps.ConfigMap("team-10-config"))

			s.When("the merge is reverted, with one team more")
			revision = repository.Commit("reverted")

			s.Then("nothing is held any more, the new team is there, and the others were never gone")
			root.Applies(revision)
			s.Kustomization("team-11").Applies(revision)
			s.Exists(steps.ConfigMap("team-11-config"))
			s.Kustomization("team-01").Applies(revision)
			s.IsSame(first, before)
			s.SlackHeard(0, steps.Good, "deleted")
		},
	}
}
