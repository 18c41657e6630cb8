package features

import "github.com/capstan-gitops/capstan/e2e/steps"

func deletion() Story {
	return Story{
		Name:   "deletion",
		Title:  "What is deleted in Git is deleted in the cluster",
		Rows:   []string{"1-18", "2-04"},
		Labels: []Label{Smoke, Deletion},
		Run: func(s *steps.Scene) {
			s.Given("two ConfigMaps, each from a file")
			repository := s.Repository("both")
			app := repository.Sync("app")
			app.BecomesReady()
			s.Exists(steps.ConfigMap("kept"), steps.ConfigMap("extra"))

			s.When("a commit deletes one of the files")
			revision := repository.Commit("one")

			s.Then("its ConfigMap goes, and only that one")
			app.Applies(revision)
			s.Vanishes(steps.ConfigMap("extra"))
			s.Exists(steps.ConfigMap("kept"))
			s.SlackHears(steps.Good, "ConfigMap/"+s.Namespace+"/extra deleted", revision)
		},
	}
}
