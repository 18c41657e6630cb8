package controller

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/phase"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// TestHealthyNeverContradictsReady says what Healthy becomes at the end of a pass; empty
// leaves it as it was, which is what is known of the objects that are applied.
func TestHealthyNeverContradictsReady(t *testing.T) {
	done := status.Summary{Kind: status.Done, Reason: meta.ReasonReconciliationSucceeded, Message: "Applied revision: main@sha1:1"}
	failed := func(reason meta.Reason) status.Summary {
		return status.Summary{Kind: status.Retry, Reason: reason, Message: "it says why"}
	}
	cases := map[string]struct {
		why     string
		checked phase.HealthCheck
		out     status.Summary
		want    metav1.ConditionStatus
	}{
		"Passed":   {"the check passed", phase.HealthPassed, done, metav1.ConditionTrue},
		"Known":    {"nothing changed since it passed", "", done, metav1.ConditionTrue},
		"Failed":   {"the check failed", phase.HealthFailed, failed(meta.ReasonHealthCheckFailed), metav1.ConditionFalse},
		"Awaited":  {"the check goes on", phase.HealthAwaited, status.Summary{Kind: status.InProgress, Message: "waiting"}, metav1.ConditionUnknown},
		"NotBuilt": {"the objects are those of the last success", "", failed(meta.ReasonBuildFailed), ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &phase.Scope{Object: &kustomizev1.Kustomization{Spec: kustomizev1.KustomizationSpec{Wait: true}}, Healthy: tc.checked}
			got := healthy(s, reconciler.Verdict{Summary: tc.out})
			if tc.want == "" {
				if len(got) != 0 {
					t.Errorf("%s: got %+v", tc.why, got)
				}
				return
			}
			if len(got) != 1 || got[0].Status != tc.want {
				t.Errorf("%s: got %+v, want %s", tc.why, got, tc.want)
			}
		})
	}
}
