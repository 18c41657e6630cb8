package features

import (
	"time"

	"github.com/capstan-gitops/capstan/e2e/steps"
)

// restartedAt is the annotation by which kubectl rollout restart replaces the pods of a Deployment.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

func rolloutRestart() Story {
	return Story{
		Name:   "restart",
		Title:  "A kubectl rollout restart is left alone until the next full reconcile",
		Rows:   []string{"1-03"},
		Labels: []Label{Drift},
		Run: func(s *steps.Scene) {
			s.Given("a Deployment that runs")
			app := s.Repository("only").Sync("app")
			app.BecomesReady()
			web := steps.Deployment("web")
			s.RunsImage("web", "registry.example.com/web:1.0")

			s.When("somebody restarts it with kubectl")
			s.Edit(web, "kubectl-rollout", func() {
				web.Spec.Template.Annotations = map[string]string{restartedAt: time.Now().Format(time.RFC3339)}
			})

			s.Then("its pods are replaced, and nobody undoes that")
			s.RunsImage("web", "registry.example.com/web:1.0")
			s.KeepsItsSpec(web, steps.Quiet)

			s.When("a reconcile is asked for")
			app.Handles(app.Request())

			s.Then("what kubectl added is gone, because it is not in Git")
			s.Becomes("has no annotation of kubectl", steps.Correction, web, func() bool {
				return web.Spec.Template.Annotations[restartedAt] == ""
			})
		},
	}
}
