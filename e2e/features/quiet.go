package features

import (
	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/world"
)

func quiet() Story {
	return Story{
		Name:   "quiet",
		Title:  "When nothing changes, nothing is done, whatever the interval",
		Rows:   []string{"1-06", "2-05"},
		Labels: []Label{Cost, Alone},
		Run: func(s *steps.Scene) {
			s.Given("a source and a Kustomization with intervals of seconds, ready and at rest")
			repository := s.Repository("only", steps.FetchedEvery(steps.Frequent))
			app := repository.Sync("app", steps.Every(steps.Frequent))
			app.BecomesReady()
			s.RunsImage("web", "registry.example.com/web:1.0")
			s.StaysUnchanged(steps.Deployment("web"), steps.Quiet)

			s.When("several intervals pass")
			costs, ticks, asked := s.Costs(), s.Ticks(world.Kustomize), s.Asked()
			s.StayUnchanged(steps.Watched, repository.Object(), app.Object(), steps.Deployment("web"), steps.ConfigMap("config"))

			s.Then("the intervals did pass, the source was looked at, and no controller has asked the API server for anything")
			s.Ticked(world.Kustomize, ticks)
			s.WasAsked(asked)
			for _, controller := range world.Controllers() {
				costs.Are(controller, nil)
			}
		},
	}
}
