package main

import (
	"bytes"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

// TestOnce is what make demo ONCE=1 does.
func TestOnce(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, true); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Log(out.String())
	for _, want := range []string{
		"healthy    Deployment web runs registry.example.com/web:1.0 in 3 pods",
		"healthy    Deployment web runs registry.example.com/web:2.0 in 3 pods",
		"in Slack", "The change has arrived",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the transcript lacks %q:\n%s", want, out.String())
		}
	}
}

func TestDescribe(t *testing.T) {
	one := int32(1)
	cases := map[string]struct {
		obj  client.Object
		want string
		why  string
	}{
		"NewSource": {
			obj: &sourcev1.GitRepository{}, want: " ",
			why: "there is nothing to tell yet",
		},
		"FailedSource": {
			obj: &sourcev1.GitRepository{
				ObjectMeta: metav1.ObjectMeta{Name: "sample"},
				Status:     sourcev1.GitRepositoryStatus{CommonStatus: notReady("no such branch")},
			},
			want: "failed sample: no such branch",
			why:  "the cause is what matters, whatever artifact is still served",
		},
		"RefusedKustomization": {
			obj: &kustomizev1.Kustomization{
				ObjectMeta: metav1.ObjectMeta{Name: "apps"},
				Status:     kustomizev1.KustomizationStatus{CommonStatus: notReady("replicas must not be negative")},
			},
			want: "waiting apps: replicas must not be negative",
			why:  "a refusal is shown where success would be",
		},
		"RollingDeployment": {
			obj: deployment(&one, 0), want: "rolling Deployment web to web:1",
			why: "its pod is not available",
		},
		"HealthyDeployment": {
			obj: deployment(&one, 1), want: "healthy Deployment web runs web:1 in 1 pods",
			why: "all its pods are available",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			what, text := describe(tc.obj)
			if got := what + " " + text; got != tc.want {
				t.Errorf("shows %q, want %q, because %s", got, tc.want, tc.why)
			}
		})
	}
}

func notReady(message string) meta.CommonStatus {
	return meta.CommonStatus{Conditions: []metav1.Condition{
		{Type: meta.ConditionReady, Status: metav1.ConditionFalse, Reason: "Failed", Message: message},
	}}
}

func deployment(replicas *int32, available int32) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}}
	d.Spec.Replicas = replicas
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "web", Image: "web:1"}}
	d.Status = appsv1.DeploymentStatus{UpdatedReplicas: *replicas, Replicas: *replicas, AvailableReplicas: available}
	return d
}

func TestScreenReportsChangesOnce(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out)
	s.state("healthy", "web", "runs 1.0")
	s.state("healthy", "web", "runs 1.0")
	s.state("healthy", "web", "runs 2.0")
	s.state("", "web", "")
	if got := strings.Count(out.String(), "\n"); got != 2 {
		t.Errorf("two changes are %d lines:\n%s", got, out.String())
	}
}
