package features

import (
	"slices"

	"github.com/capstan-gitops/capstan/e2e/steps"
)

func handEdit() Story {
	return Story{
		Name:   "handedit",
		Title:  "A hand edit is corrected at once, although the interval is an hour",
		Rows:   []string{"0-21", "1-03", "1-06", "2-01"},
		Labels: []Label{Drift},
		Run: func(s *steps.Scene) {
			s.Given("a Deployment whose Kustomization looks at it once an hour")
			app := s.Repository("only").Sync("app", steps.Every(steps.Rare))
			app.BecomesReady()
			web := steps.Deployment("web")
			s.Exists(web)

			s.When("somebody changes its image")
			s.Edit(web, "kubectl-edit", func() { web.Spec.Template.Spec.Containers[0].Image = "registry.example.com/web:9.9" })

			s.Then("it runs the image that is in Git again")
			s.Becomes("has its image back", steps.Correction, web, func() bool {
				return web.Spec.Template.Spec.Containers[0].Image == "registry.example.com/web:1.0"
			})

			s.When("somebody turns a list around, which changes no value")
			s.Edit(web, "kubectl-edit", func() { slices.Reverse(web.Spec.Template.Spec.Containers[0].Env) })

			s.Then("the list is in the order of Git again")
			s.Becomes("has its list in order", steps.Correction, web, func() bool {
				return web.Spec.Template.Spec.Containers[0].Env[0].Name == "FIRST"
			})

			s.When("somebody changes the number of replicas, and changes it back")
			s.Edit(web, "kubectl-edit", func() { *web.Spec.Replicas = 5 })
			s.Edit(web, "kubectl-edit", func() { *web.Spec.Replicas = 2 })

			s.Then("the number is ours again, not theirs")
			s.Becomes("belongs to Git", steps.Correction, web, func() bool {
				return *web.Spec.Replicas == 2 && steps.IsOurs(web, "spec", "replicas")
			})
		},
	}
}
