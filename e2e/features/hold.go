package features

import (
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

func hold() Story {
	return Story{
		Name:   "hold",
		Title:  "A path that was emptied deletes nothing until somebody consents",
		Rows:   []string{"0-12", "1-18"},
		Labels: []Label{Deletion},
		Run: func(s *steps.Scene) {
			s.Given("two ConfigMaps from a folder")
			repository := s.Repository("full")
			app := repository.Sync("app")
			app.BecomesReady()
			s.Exists(steps.ConfigMap("first"), steps.ConfigMap("second"))

			s.When("a commit empties the folder")
			revision := repository.Commit("emptied")

			s.Then("the deletion is held, and says how to consent")
			digest := app.Holds(2)
			app.Fails(meta.ReasonPruneFailed, "held", "ConfigMap/"+s.Namespace+"/first", meta.AnnotationConfirmDeletion, digest)
			s.SlackHears(steps.Danger, "held", digest)
			s.StaysUnchanged(steps.ConfigMap("first"), steps.Quiet)

			s.When("somebody consents to something else")
			app.Consent("sha256:0000")

			s.Then("it is still held")
			s.StaysUnchanged(steps.ConfigMap("second"), steps.Quiet)

			s.When("somebody consents to this deletion")
			app.Consent(digest)

			s.Then("the ConfigMaps go")
			s.Vanishes(steps.ConfigMap("first"), steps.ConfigMap("second"))
			app.Applies(revision)
			s.SlackHears(steps.Good, "ConfigMap/"+s.Namespace+"/first deleted")
		},
	}
}
