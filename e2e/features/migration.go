package features

import (
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

func migration() Story {
	return Story{
		Name:   "migration",
		Title:  "A database migration that fails keeps the new version from rolling out",
		Rows:   []string{"1-57", "3-11"},
		Labels: []Label{Sync},
		Run: func(s *steps.Scene) {
			s.Given("an app that follows the Job which migrates its database, both of version 1.0")
			repository := s.Repository("before")
			migrate := repository.Sync("migrate")
			app := repository.Sync("app", steps.After("migrate"))
			app.BecomesReady()
			s.RunsImage("web", "registry.example.com/web:1.0")
			web, job := steps.Deployment("web"), steps.Job("migrate")
			first := s.UID(job)

			s.When("a commit brings version 2.0 with a migration that fails")
			revision := repository.Commit("broken")

			s.Then("the migration is reported as failed with its cause, and the app waits and is untouched")
			migrate.Fails(meta.ReasonHealthCheckFailed, "Job/"+s.Namespace+"/migrate", "exited with code 1")
			s.SlackHears(steps.Danger, "Job/"+s.Namespace+"/migrate", "exited with code 1", revision)
			app.WaitsFor(s.Namespace + "/migrate")
			s.KeepsItsSpec(web, steps.Quiet)
			s.RunsImage("web", "registry.example.com/web:1.0")

			s.When("a commit corrects the migration")
			revision = repository.Commit("fixed")

			s.Then("the Job runs anew, and then the app rolls out")
			migrate.Applies(revision)
			s.Becomes("succeeded as another Job", steps.Arrival, job, func() bool {
				return job.UID != first && job.Status.Succeeded == 1
			})
			app.Applies(revision)
			s.RunsImage("web", "registry.example.com/web:2.0")
			s.Becomes("was applied after the Job was done", steps.Correction, web, func() bool {
				return !job.Status.CompletionTime.After(steps.AppliedAt(web))
			})
		},
	}
}
