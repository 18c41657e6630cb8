package features

import "github.com/capstan-gitops/capstan/e2e/steps"

func push() Story {
	return Story{
		Name:   "push",
		Title:  "A push changes a running Deployment",
		Rows:   []string{"0-01", "1-30", "1-31", "2-25"},
		Labels: []Label{Smoke, Sync},
		Run: func(s *steps.Scene) {
			s.Given("a repository whose Deployment runs version 1.0")
			repository := s.Repository("before")
			app := repository.Sync("app")
			app.BecomesReady()
			s.RunsImage("web", "registry.example.com/web:1.0")

			s.When("a commit moves it to version 2.0")
			revision := repository.Commit("after")

			s.Then("the Deployment runs version 2.0")
			app.Applies(revision)
			s.RunsImage("web", "registry.example.com/web:2.0")
			s.SlackHears(steps.Good, "web configured", revision)
		},
	}
}
