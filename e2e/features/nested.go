package features

import (
	"slices"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

func nested() Story {
	return Story{
		Name:   "nested",
		Title:  "A Kustomization that another one applies goes with its file, and takes along what it applied",
		Rows:   []string{"0-11", "1-25", "2-04"},
		Labels: []Label{Sync, Deletion},
		Run: func(s *steps.Scene) {
			s.Given("a Kustomization that comes from a file of another one")
			repository := s.Repository("both")
			parent := repository.Sync("parent", steps.Substitute("namespace", s.Namespace))
			parent.BecomesReady()
			child := &kustomizev1.Kustomization{}
			child.Name = "child"
			s.Exists(child, steps.ConfigMap("of-child"))
			s.Pause(steps.Quiet)

			s.Then("it keeps its finalizer, which the file does not have")
			s.Becomes("has its finalizer", steps.Correction, child, func() bool {
				return slices.Contains(child.Finalizers, meta.Finalizer)
			})
			s.StaysUnchanged(child, steps.Quiet)
			s.SlackHeard(0, steps.Good, "Kustomization/"+s.Namespace+"/child configured")

			s.When("a commit deletes the file")
			revision := repository.Commit("one")

			s.Then("it goes, and so does what it applied")
			parent.Applies(revision)
			s.Vanishes(child, steps.ConfigMap("of-child"))
			s.Exists(steps.ConfigMap("kept"))
		},
	}
}
