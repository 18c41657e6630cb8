package features

import "github.com/capstan-gitops/capstan/e2e/steps"

func order() Story {
	return Story{
		Name:   "order",
		Title:  "The database comes before the app, and the app before its monitoring; one that is not ready holds the rest and is named",
		Rows:   []string{"1-42", "1-56", "3-14"},
		Labels: []Label{Sync},
		Run: func(s *steps.Scene) {
			s.Given("monitoring that follows an app of its own version, which follows a database that does not become ready")
			repository := s.Repository("before")
			sameVersion := "dep.metadata.labels['version'] == self.metadata.labels['version'] && " +
				"dep.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')"
			monitoring := repository.Sync("monitoring", steps.Labelled("version", "v2"), steps.AfterIf("app", sameVersion))
			app := repository.Sync("app", steps.Labelled("version", "v1"), steps.After("database"))
			database := repository.Sync("database", steps.GivesUpAfter(steps.Impatience))

			s.Then("the others are not applied, and say what they wait for")
			database.Fails("HealthCheckFailed", "StatefulSet/"+s.Namespace+"/database")
			app.WaitsFor(s.Namespace + "/database")
			monitoring.WaitsFor(s.Namespace+"/app", "readyExpr")
			s.SlackHears(steps.Danger, "StatefulSet/"+s.Namespace+"/database")
			s.IsAbsent(steps.Deployment("web"), steps.Deployment("monitoring"))

			s.When("a commit corrects the database")
			revision := repository.Commit("after")

			s.Then("the app follows at once, and monitoring still waits for its version")
			database.Applies(revision)
			app.Applies(revision)
			s.RunsImage("web", "registry.example.com/web:1.0")
			monitoring.WaitsFor(s.Namespace+"/app", "readyExpr does not hold")
			s.IsAbsent(steps.Deployment("monitoring"))

			s.When("the app is labelled with that version")
			app.Change(steps.Labelled("version", "v2"))

			s.Then("monitoring follows at once")
			s.Becomes("exists", steps.Correction, steps.Deployment("monitoring"), func() bool { return true })
			monitoring.Applies(revision)
			s.RunsImage("monitoring", "registry.example.com/monitoring:1.0")
		},
	}
}
