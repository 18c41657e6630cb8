package features

import "github.com/capstan-gitops/capstan/e2e/steps"

func remote() Story {
	return Story{
		Name:   "remote",
		Title:  "A Kustomization applies to another cluster, corrects drift there, and deletes there",
		Rows:   []string{"1-36"},
		Labels: []Label{Sync, Drift},
		Run: func(s *steps.Scene) {
			s.Given("another cluster, whose kubeconfig is in a Secret here")
			there := s.Elsewhere("cluster")
			repository := s.Repository("before")
			app := repository.Sync("app", steps.ReachedBy("cluster"))

			s.Then("everything is there, and nothing is here")
			app.BecomesReady()
			config := steps.ConfigMap("config")
			there.Exists(config, steps.ConfigMap("extra"))
			s.IsAbsent(steps.ConfigMap("config"), steps.ConfigMap("extra"))

			s.When("somebody there changes it by hand")
			there.Edit(config, "kubectl-edit", func() { config.Data["value"] = "mine" })

			s.Then("it is as in Git again")
			there.Becomes("is as in Git", steps.Correction, config, func() bool { return config.Data["value"] == "1" })

			s.When("a commit changes one object and deletes the other")
			revision := repository.Commit("after")

			s.Then("so it is there")
			app.Applies(revision)
			there.Becomes("is changed", steps.Correction, config, func() bool { return config.Data["value"] == "2" })
			there.Vanishes(steps.ConfigMap("extra"))
			s.SlackHears(steps.Good, "ConfigMap/"+s.Namespace+"/extra deleted", revision)

			s.When("the Kustomization is deleted")
			s.Delete(app.Object())

			s.Then("nothing of it is left there")
			there.Vanishes(config)
			s.Vanishes(app.Object())
		},
	}
}
