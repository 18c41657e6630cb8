package features

import (
	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/world"
)

func untouched() Story {
	return Story{
		Name:   "untouched",
		Title:  "A commit that does not touch a Kustomization costs it one status request",
		Rows:   []string{"0-08", "0-12", "1-48"},
		Labels: []Label{Cost, Alone},
		Run: func(s *steps.Scene) {
			s.Given("two Kustomizations of one repository, at rest")
			repository := s.Repository("before")
			touched, untouched := repository.Sync("touched"), repository.Sync("untouched")
			touched.BecomesReady()
			untouched.BecomesReady()
			s.StaysUnchanged(touched.Object(), steps.Quiet)

			s.When("a commit changes a file of one of them")
			costs := s.Costs()
			revision := repository.Commit("after")
			touched.Applies(revision)
			untouched.Applies(revision)
			s.StaysUnchanged(untouched.Object(), steps.Quiet)

			s.Then("the other one has recorded the revision, and nothing else was asked for it")
			costs.Are(world.Kustomize, []string{"patch kustomizations.kustomize.toolkit.fluxcd.io/status"},
				"untouched", "untouched-config")
		},
	}
}
