package features

import (
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

func variables() Story {
	return Story{
		Name:   "variables",
		Title:  "One base serves every cluster by its variables, whose changes roll out at once",
		Rows:   []string{"1-52", "1-56"},
		Labels: []Label{Sync},
		Run: func(s *steps.Scene) {
			s.Given("a base that is synced for east and for west, each with a ConfigMap and both with a Secret")
			east := steps.Variables("east", map[string]string{"region": "eu-east", "replicas": "1", "version": "1.0"})
			west := steps.Variables("west", map[string]string{"region": "eu-west", "replicas": "2", "version": "1.0"})
			s.Create(east, west, steps.SecretWith("tokens", map[string]string{"token": "hunter-2042"}))
			repository := s.Repository("before")
			sync := func(name string) *steps.Kustomization {
				return repository.SyncAs(name, "base", steps.Prefixed(name+"-"),
					steps.SubstituteFrom("ConfigMap", name), steps.SubstituteFrom("Secret", "tokens"))
			}
			inEast, inWest := sync("east"), sync("west")
			inEast.BecomesReady()
			inWest.BecomesReady()
			web := steps.Deployment("west-web")
			s.Becomes("has the values of west", steps.Correction, web, func() bool {
				env := web.Spec.Template.Spec.Containers[0].Env
				return *web.Spec.Replicas == 2 && env[0].Value == "eu-west" && env[1].Value == "hunter-2042"
			})

			s.When("somebody changes the version of west in its ConfigMap")
			s.Edit(west, "operator", func() { west.Data["version"] = "2.0" })

			s.Then("it rolls out in west at once, although nobody committed anything, and not in east")
			s.RunsImage("west-web", "registry.example.com/web:2.0")
			s.RunsImage("east-web", "registry.example.com/web:1.0")

			s.When("a commit uses a variable that only east has")
			s.Edit(east, "operator", func() { east.Data["zone"] = "a" })
			revision := repository.Commit("after")

			s.Then("east has it, and west says which one it lacks, without the values of others")
			inEast.Applies(revision)
			inWest.Fails(meta.ReasonBuildFailed, "zone", "Deployment", "west-web")
			s.SlackHears(steps.Danger, "zone", revision)
			s.RunsImage("west-web", "registry.example.com/web:2.0")
			s.NobodyIsShown("hunter-2042")
		},
	}
}
