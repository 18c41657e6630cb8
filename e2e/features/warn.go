package features

import (
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

func warn() Story {
	return Story{
		Name:   "warn",
		Title:  "Drift is reported with who made it and left alone, where that is asked for, until Git says otherwise",
		Rows:   []string{"0-02", "2-17"},
		Labels: []Label{Drift},
		Run: func(s *steps.Scene) {
			s.Given("a Deployment whose Kustomization only warns of drift")
			repository := s.Repository("before")
			app := repository.Sync("app", steps.OnDrift(meta.DriftWarn))
			app.BecomesReady()
			s.RunsImage("web", "registry.example.com/web:1.0")
			web := steps.Deployment("web")

			s.When("somebody changes the number of replicas")
			s.Edit(web, "kubectl-edit", func() { *web.Spec.Replicas = 5 })

			s.Then("the Kustomization says who changed what, so does Slack, once, and a metric counts it")
			subject := "Deployment/" + s.Namespace + "/web"
			app.HasDrifted(subject, "kubectl-edit", "spec.replicas")
			s.SlackHears(steps.Danger, subject, "kubectl-edit", "spec.replicas")
			app.CountsDrifted(1)

			s.Then("nobody undoes it, not even when a reconcile is asked for")
			app.Handles(app.Request())
			s.KeepsItsSpec(web, steps.Quiet)
			s.Becomes("has five replicas", steps.Correction, web, func() bool { return *web.Spec.Replicas == 5 })
			app.HasDrifted(subject, "kubectl-edit", "spec.replicas")
			s.SlackHeard(1, steps.Danger, subject, "kubectl-edit")

			s.When("drift is to be corrected after all")
			app.Change(steps.OnDrift(meta.DriftEnabled))

			s.Then("the number is that of Git, and there is nothing to warn of")
			s.Becomes("has two replicas", steps.Correction, web, func() bool { return *web.Spec.Replicas == 2 })
			app.HasNotDrifted()
			app.CountsDrifted(0)
		},
	}
}
