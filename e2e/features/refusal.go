package features

import (
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

func refusal() Story {
	return Story{
		Name:   "refusal",
		Title:  "A bad manifest is refused with the cause, and nothing of its stage is applied",
		Rows:   []string{"1-40", "1-56"},
		Labels: []Label{Smoke, Sync},
		Run: func(s *steps.Scene) {
			s.Given("a Deployment that runs version 1.0")
			repository := s.Repository("good")
			app := repository.Sync("app")
			app.BecomesReady()

			s.When("a commit adds a ConfigMap and gives the Deployment a negative number of replicas")
			revision := repository.Commit("bad")

			s.Then("the Kustomization says which object was refused and why, and goes on saying so")
			app.Fails(meta.ReasonReconciliationFailed, "Deployment/"+s.Namespace+"/web", "spec.replicas")
			s.SlackHears(steps.Danger, "spec.replicas", revision)
			s.IsAbsent(steps.ConfigMap("added"))
			s.RunsImage("web", "registry.example.com/web:1.0")
			s.Pause(3 * steps.Retry)
			s.SlackHeard(1, steps.Danger, "spec.replicas")

			s.When("the next commit corrects it")
			revision = repository.Commit("fixed")

			s.Then("everything is applied, and recovery is reported once")
			app.Applies(revision)
			s.RunsImage("web", "registry.example.com/web:2.0")
			s.Exists(steps.ConfigMap("added"))
			s.SlackHears(steps.Good, "Health check passed", revision)
			s.SlackHeard(1, steps.Good, "Health check passed", revision)
		},
	}
}
