package features

import (
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

func health() Story {
	return Story{
		Name:   "health",
		Title:  "A rollout that never becomes healthy is reported with what its pods say, and the next commit does not wait for it",
		Rows:   []string{"1-11", "1-31", "1-56"},
		Labels: []Label{Sync},
		Run: func(s *steps.Scene) {
			s.Given("two Kustomizations of the same folder: one gives up soon, one waits for an hour")
			repository := s.Repository("before")
			impatient := repository.SyncAs("impatient", "app", steps.Prefixed("impatient-"), steps.GivesUpAfter(steps.Impatience))
			patient := repository.SyncAs("patient", "app", steps.Prefixed("patient-"), steps.GivesUpAfter(steps.Rare))
			impatient.BecomesReady()
			patient.BecomesReady()

			s.When("a commit brings an image that nobody can pull and one that crashes")
			revision := repository.Commit("broken")

			s.Then("the one that gave up says what is wrong with each, and Slack hears it")
			image, crash := "image \"registry.example.com/web:bad-pull\" cannot be pulled", "container \"worker\" exited with code 1"
			impatient.Fails(meta.ReasonHealthCheckFailed, "Deployment/"+s.Namespace+"/impatient-web", image, crash)
			s.SlackHears(steps.Danger, image, crash, revision)

			s.Then("the other one still waits, and what was reported is not reported again with every attempt")
			patient.AwaitsHealth(revision)
			s.StaysUnchanged(patient.Object(), 2*(steps.Impatience+steps.Retry))
			s.SlackHeard(1, steps.Danger, image, crash, revision)

			s.When("a commit corrects both images")
			revision = repository.Commit("fixed")

			s.Then("it is applied at once, although most of the hour is left")
			patient.Applies(revision)
			impatient.Applies(revision)
			for _, prefix := range []string{"patient-", "impatient-"} {
				s.RunsImage(prefix+"web", "registry.example.com/web:2.0")
				s.RunsImage(prefix+"worker", "registry.example.com/worker:2.0")
			}
			s.SlackHears(steps.Good, "Health check passed", revision)
		},
	}
}
