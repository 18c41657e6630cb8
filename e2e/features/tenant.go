package features

import (
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

func tenant() Story {
	return Story{
		Name:   "tenant",
		Title:  "A tenant's commit does what the tenant's ServiceAccount may do, and the message says what it may not",
		Rows:   []string{"1-01", "1-56"},
		Labels: []Label{Sync},
		Run: func(s *steps.Scene) {
			s.Given("a tenant that may write ConfigMaps, in its own namespace only")
			platform := s.Namespace + "-platform"
			s.Create(steps.Namespace(platform))
			s.Account("deployer")
			s.Grant("deployer", s.Namespace, "configmaps")
			repository := s.Repository("before")
			app := repository.Sync("app", steps.As("deployer"), steps.WhereTheFilesSay,
				steps.Substitute("namespace", s.Namespace), steps.Substitute("platform", platform))
			app.BecomesReady()
			config, reach := steps.ConfigMap("config"), steps.In(platform, steps.ConfigMap("reach"))

			s.When("a commit of the tenant reaches for the namespace of the platform")
			revision := repository.Commit("after")

			s.Then("it is refused as a whole, and the message says who may not do what, and where")
			user := `User "system:serviceaccount:` + s.Namespace + `:deployer"`
			app.Fails(meta.ReasonReconciliationFailed, "ConfigMap/"+platform+"/reach", user, `"configmaps"`, `in the namespace "`+platform+`"`)
			s.SlackHears(steps.Danger, user, revision)
			s.IsAbsent(reach)
			s.StaysUnchanged(config, steps.Quiet)
			s.Becomes("is as before", steps.Correction, config, func() bool { return config.Data["value"] == "1" })

			s.When("the platform lets it")
			s.Grant("deployer", platform, "configmaps")

			s.Then("the commit is applied")
			app.Applies(revision)
			s.Exists(reach)
			s.Becomes("is as in Git", steps.Correction, config, func() bool { return config.Data["value"] == "2" })
		},
	}
}
