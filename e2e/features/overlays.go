package features

import "github.com/capstan-gitops/capstan/e2e/steps"

func overlays() Story {
	return Story{
		Name:   "overlays",
		Title:  "A production overlay changes namespace, tag, replicas and fields of a base, and a new tag rolls out",
		Rows:   []string{"0-10", "0-13", "0-14", "2-06", "2-07"},
		Labels: []Label{Sync},
		Run: func(s *steps.Scene) {
			s.Given("a base, and an overlay for production whose namespace it brings along")
			repository := s.Repository("before")
			base := repository.Sync("base")
			production := repository.Sync("overlays/production", steps.WhereTheFilesSay)
			base.BecomesReady()
			production.BecomesReady()

			s.Then("the base is as it stands in its files")
			s.RunsImage("web", "registry.example.com/web:1.0")
			config := steps.ConfigMap("config")
			s.Becomes("has the level of the base", steps.Correction, config, func() bool { return config.Data["level"] == "debug" })

			s.Then("production has its own namespace, tag, replicas, limit and level")
			web := steps.In("overlays-production", steps.Deployment("web"))
			s.Runs(web, "registry.example.com/web:2.3.0")
			s.Becomes("has four replicas with a limit of memory", steps.Correction, web, func() bool {
				return *web.Spec.Replicas == 4 && web.Spec.Template.Spec.Containers[0].Resources.Limits.Memory().String() == "256Mi"
			})
			config = steps.In("overlays-production", steps.ConfigMap("config"))
			s.Becomes("has the level of production", steps.Correction, config, func() bool { return config.Data["level"] == "warning" })

			s.When("a commit changes the tag in the overlay")
			revision := repository.Commit("after")

			s.Then("production runs it, and the base goes on as before")
			production.Applies(revision)
			s.Runs(web, "registry.example.com/web:2.3.1")
			base.Applies(revision)
			s.RunsImage("web", "registry.example.com/web:1.0")
			s.SlackHears(steps.Good, "Deployment/overlays-production/web configured", revision)
		},
	}
}
