package manifests_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

const lockdown = "profiles/lockdown"

// nameOf distinguishes the objects of a build.
func nameOf(obj *unstructured.Unstructured) string {
	return obj.GetKind() + " " + obj.GetNamespace() + "/" + obj.GetName()
}

// TestLockdownIsTheInstallAndMore says that the profile changes arguments and adds policies, and nothing else: whoever
// changes from one to the other gets no surprises.
func TestLockdownIsTheInstallAndMore(t *testing.T) {
	plain := map[string]*unstructured.Unstructured{}
	for _, obj := range build(t, "install") {
		plain[nameOf(obj)] = obj
	}
	want := []string{
		"ClusterRole /change-pod-security-labels-flux-system",
		"ValidatingAdmissionPolicy /alert-references-flux-system",
		"ValidatingAdmissionPolicy /kustomization-references-flux-system",
		"ValidatingAdmissionPolicy /pod-security-labels-flux-system",
		"ValidatingAdmissionPolicyBinding /alert-references-flux-system",
		"ValidatingAdmissionPolicyBinding /kustomization-references-flux-system",
		"ValidatingAdmissionPolicyBinding /pod-security-labels-flux-system",
	}
	var added []string
	for _, obj := range build(t, lockdown) {
		before := plain[nameOf(obj)]
		delete(plain, nameOf(obj))
		switch {
		case before == nil:
			added = append(added, nameOf(obj))
			for _, label := range []string{"app.kubernetes.io/version", "app.kubernetes.io/instance", "app.kubernetes.io/part-of"} {
				if owner := build(t, "install")[0].GetLabels()[label]; obj.GetLabels()[label] != owner {
					t.Errorf("%s: %s is %q, that of the install %q", nameOf(obj), label, obj.GetLabels()[label], owner)
				}
			}
		case obj.GetKind() != "Deployment":
			if diff := cmp.Diff(before.Object, obj.Object); diff != "" {
				t.Errorf("%s differs from the install (-want +got):\n%s", nameOf(obj), diff)
			}
		}
	}
	slices.Sort(added)
	if diff := cmp.Diff(want, added); diff != "" {
		t.Errorf("the profile adds other objects (-want +got):\n%s", diff)
	}
	for name := range plain {
		t.Errorf("%s of the install is missing", name)
	}
}

func TestLockdownArguments(t *testing.T) {
	want := map[string][]string{
		"source-controller":       nil,
		"kustomize-controller":    {"--no-cross-namespace-refs=true", "--no-remote-bases=true", "--default-service-account=default"},
		"notification-controller": {"--no-cross-namespace-refs=true"},
	}
	plain := deployments(t, "install")
	got := map[string][]string{}
	for name, locked := range deployments(t, lockdown) {
		before := plain[name].Spec.Template.Spec.Containers[0].Args
		args := locked.Spec.Template.Spec.Containers[0].Args
		if len(args) < len(before) || !slices.Equal(args[:len(before)], before) {
			t.Errorf("%s: users' patches address arguments by position, those of the install must come first: %q", name, args)
			continue
		}
		got[name] = slices.Clone(args[len(before):])
		if len(got[name]) == 0 {
			got[name] = nil
		}
		locked.Spec.Template.Spec.Containers[0].Args = before
		if diff := cmp.Diff(plain[name], locked); diff != "" {
			t.Errorf("%s differs in more than arguments (-want +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the profile sets other arguments (-want +got):\n%s", diff)
	}
}

// TestLockdownArgumentsHaveAnEffect looks each flag up in the generated usage of the binary: a flag that is only
// tolerated would lock nothing.
func TestLockdownArgumentsHaveAnEffect(t *testing.T) {
	for name, deployment := range deployments(t, lockdown) {
		usage, err := os.ReadFile("../docs/flags/" + name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		for _, arg := range deployment.Spec.Template.Spec.Containers[0].Args {
			flag, _, _ := strings.Cut(arg, "=")
			line := regexp.MustCompile(`(?m)^ +` + regexp.QuoteMeta(flag) + `( .*)?$`).FindString(string(usage))
			if line == "" || strings.Contains(line, "accepts the default only") {
				t.Errorf("%s is started with %s, which it does not act on: %q", name, arg, line)
			}
		}
	}
}

func deployments(t *testing.T, folder string) map[string]*appsv1.Deployment {
	t.Helper()
	found := map[string]*appsv1.Deployment{}
	for _, obj := range build(t, folder) {
		if obj.GetKind() != "Deployment" {
			continue
		}
		typed := &appsv1.Deployment{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(obj.Object, typed, true); err != nil {
			t.Fatalf("decoding %s: %v", nameOf(obj), err)
		}
		found[typed.Name] = typed
	}
	return found
}
