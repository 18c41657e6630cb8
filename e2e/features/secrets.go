package features

import (
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

func secrets() Story {
	return Story{
		Name:   "secrets",
		Title:  "Secrets that SOPS encrypted in Git arrive decrypted, and stand in plain text nowhere else",
		Rows:   []string{"0-24", "1-53"},
		Labels: []Label{Sync},
		Run: func(s *steps.Scene) {
			s.Given("a Secret and a file for a generator, encrypted with age, and no key for them")
			repository := s.Repository("before")
			app := repository.Sync("app", steps.DecryptedWith("keys"))

			s.Then("nothing is applied, and the message says which key is missing")
			app.Fails(meta.ReasonBuildFailed, "Secret "+s.Namespace+"/keys")
			s.SlackHears(steps.Danger, "Secret "+s.Namespace+"/keys")
			database, mail := steps.Secret("database"), steps.Secret("mail")
			s.IsAbsent(database, mail)

			s.When("the key is there")
			s.Create(steps.SecretWith("keys", map[string]string{"test.agekey": s.File("keys/test.agekey")}))

			s.Then("both are applied as they were before somebody encrypted them")
			app.BecomesReady()
			s.Becomes("is decrypted", steps.Correction, database, func() bool {
				return string(database.Data["password"]) == "open-sesame-4711"
			})
			s.Becomes("is decrypted", steps.Correction, mail, func() bool {
				return string(mail.Data["SMTP_PASSWORD"]) == "alohomora-0815"
			})
			s.SlackHears(steps.Good, "Secret/"+s.Namespace+"/database created")

			s.When("somebody changes a password by hand")
			s.Edit(database, "kubectl-edit", func() { database.Data["password"] = []byte("swordfish-1932") })

			s.Then("it is the one of Git again, and nobody is shown the one or the other")
			s.Becomes("is as in Git", steps.Correction, database, func() bool {
				return string(database.Data["password"]) == "open-sesame-4711"
			})
			s.SlackHears(steps.Good, "database configured")
			s.NobodyIsShown("open-sesame-4711", "alohomora-0815", "swordfish-1932", "AGE-SECRET-KEY-")
		},
	}
}
