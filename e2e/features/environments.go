package features

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/e2e/steps"
)

func environments() Story {
	return Story{
		Name:   "environments",
		Title:  "A commit that touches one environment's folder promotes there and nowhere else, and an autoscaler keeps its replicas",
		Rows:   []string{"1-47", "3-23"},
		Labels: []Label{Sync},
		Run: func(s *steps.Scene) {
			s.Given("a folder for each environment, of which development is one version ahead")
			repository := s.Repository("before")
			dev := repository.Sync("environments/dev", steps.Prefixed("dev-"))
			staging := repository.Sync("environments/staging", steps.Prefixed("staging-"))
			production := repository.Sync("environments/production", steps.Prefixed("production-"))
			dev.BecomesReady()
			staging.BecomesReady()
			production.BecomesReady()
			s.RunsImage("dev-web", "registry.example.com/web:1.1")
			s.RunsImage("staging-web", "registry.example.com/web:1.0")
			s.RunsImage("production-web", "registry.example.com/web:1.0")

			s.Then("the autoscaler of production, which finds one replica too few, gets its three")
			scaler := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "production-web"}}
			s.Exists(scaler)
			web := steps.Deployment("production-web")
			scaled := func() bool { return *web.Spec.Replicas == 3 && web.Status.AvailableReplicas == 3 }
			s.Becomes("has three replicas", steps.Arrival, web, scaled)

			s.When("a commit promotes the version to staging")
			revision := repository.Commit("staged")

			s.Then("staging runs it, and production is as it was")
			staging.Applies(revision)
			s.RunsImage("staging-web", "registry.example.com/web:1.1")
			production.Applies(revision)
			s.KeepsItsSpec(web, steps.Quiet)
			s.RunsImage("production-web", "registry.example.com/web:1.0")

			s.When("another commit promotes it to production")
			production.Applies(repository.Commit("released"))

			s.Then("production runs it, in as many replicas as the autoscaler wants")
			s.RunsImage("production-web", "registry.example.com/web:1.1")
			s.Becomes("still has three replicas", steps.Correction, web, scaled)
		},
	}
}
