package features

import "github.com/capstan-gitops/capstan/e2e/steps"

func incident() Story {
	return Story{
		Name:   "incident",
		Title:  "While a Kustomization is suspended a patch by hand survives, and when it resumes Git wins",
		Rows:   []string{"0-26", "0-27"},
		Labels: []Label{Drift},
		Run: func(s *steps.Scene) {
			s.Given("a Deployment with two replicas that is synced")
			repository := s.Repository("before")
			app := repository.Sync("app")
			app.BecomesReady()
			s.RunsImage("web", "registry.example.com/web:1.0")
			web := steps.Deployment("web")

			s.When("an incident has it suspended and scaled by hand, and a commit and a request come in")
			app.Suspend(true)
			s.Edit(web, "kubectl-edit", func() { *web.Spec.Replicas = 6 })
			revision := repository.Commit("after")
			app.Request()

			s.Then("the patch stays, and the commit is not applied")
			s.KeepsItsSpec(web, steps.Quiet)
			s.Becomes("runs six replicas of version 1.0", steps.Arrival, web, func() bool {
				return web.Status.AvailableReplicas == 6 && web.Spec.Template.Spec.Containers[0].Image == "registry.example.com/web:1.0"
			})
			s.SlackHeard(0, steps.Good, "web configured")

			s.When("it is resumed")
			app.Suspend(false)

			s.Then("the patch is gone, and the commit is applied")
			app.Applies(revision)
			s.RunsImage("web", "registry.example.com/web:1.1")
			s.Becomes("has two replicas", steps.Correction, web, func() bool { return *web.Spec.Replicas == 2 })
			s.SlackHears(steps.Good, "web configured", revision)
		},
	}
}
