package features

import (
	"maps"

	"github.com/capstan-gitops/capstan/e2e/steps"
)

func undo() Story {
	return Story{
		Name:   "undo",
		Title:  "What a commit deleted comes back by the command that Slack was sent",
		Rows:   []string{"1-18", "2-04"},
		Labels: []Label{Deletion},
		Run: func(s *steps.Scene) {
			s.Given("an app with prices in a ConfigMap, to which somebody added one, and a Service")
			repository := s.Repository("before")
			app := repository.Sync("app")
			app.BecomesReady()
			prices, shop := steps.ConfigMap("prices"), steps.Service("shop")
			s.Edit(prices, "cashier", func() { prices.Data["plum"] = "5" })
			s.Exists(shop)
			first := s.UID(prices)

			s.When("a commit deletes the files of both")
			revision := repository.Commit("after")
			app.Applies(revision)
			s.Vanishes(prices, shop)
			s.SlackHears(steps.Good, "ConfigMap/"+s.Namespace+"/prices deleted", revision)
			s.SlackHears(steps.Good, "Service/"+s.Namespace+"/shop deleted", revision)

			s.When("somebody runs the command that the message ends with")
			s.Undo(2)

			s.Then("both are back as they were, with what others had added, and stay")
			want := map[string]string{"apple": "3", "pear": "4", "plum": "5"}
			s.Becomes("has all prices", steps.Correction, prices, func() bool {
				return prices.UID != first && maps.Equal(prices.Data, want)
			})
			s.Becomes("has its port", steps.Correction, shop, func() bool { return shop.Spec.Ports[0].Port == 80 })
			app.Handles(app.Request())
			s.StayUnchanged(steps.Quiet, prices, shop)
		},
	}
}
