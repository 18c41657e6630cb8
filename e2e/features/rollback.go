package features

import (
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/e2e/steps"
)

func rollback() Story {
	return Story{
		Name:   "rollback",
		Title:  "A git revert takes everything back to what it was, and deletes nothing that was there before",
		Rows:   []string{"1-04", "3-24"},
		Labels: []Label{Sync},
		Run: func(s *steps.Scene) {
			s.Given("version 1.0 of an app, with a Service and a ConfigMap")
			repository := s.Repository("before")
			app := repository.Sync("app")
			app.BecomesReady()
			web, config := steps.Deployment("web"), steps.ConfigMap("config")
			all := []client.Object{web, config, steps.Service("web")}
			uids := map[client.Object]types.UID{}
			for _, obj := range all {
				uids[obj] = s.UID(obj)
			}

			s.When("a commit brings version 2.0, with another mode and a ConfigMap more")
			app.Applies(repository.Commit("after"))
			s.RunsImage("web", "registry.example.com/web:2.0")
			s.Exists(steps.ConfigMap("feature"))
			s.Becomes("is bold", steps.Correction, config, func() bool { return config.Data["mode"] == "bold" })

			s.When("git revert takes it back")
			revision := repository.Commit("before")

			s.Then("the app is as it was, in two replicas, and what the commit brought is gone")
			app.Applies(revision)
			s.RunsImage("web", "registry.example.com/web:1.0")
			s.Becomes("has two replicas", steps.Correction, web, func() bool { return *web.Spec.Replicas == 2 })
			s.Becomes("is careful", steps.Correction, config, func() bool { return config.Data["mode"] == "careful" })
			s.Vanishes(steps.ConfigMap("feature"))
			s.SlackHears(steps.Good, "web configured", revision)
			s.SlackHears(steps.Good, "feature deleted", revision)

			s.Then("its objects were never deleted and made anew")
			for _, obj := range all {
				s.IsSame(obj, uids[obj])
			}
		},
	}
}
