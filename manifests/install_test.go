package manifests_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/capstan-gitops/capstan/manifests"
)

const (
	version   = "v0.1.0"
	namespace = "flux-system"
	component = "app.kubernetes.io/component"
)

func TestInstallLabels(t *testing.T) {
	for _, obj := range build(t, "install") {
		want := map[string]string{
			"app.kubernetes.io/instance": namespace,
			"app.kubernetes.io/part-of":  "flux",
			"app.kubernetes.io/version":  version,
		}
		if owner := componentOf(obj); owner != "" {
			want[component] = owner
		}
		switch obj.GetKind() {
		case "Deployment", "Service":
			want["control-plane"] = "controller"
		}
		got := map[string]string{}
		for key, value := range obj.GetLabels() {
			if strings.HasPrefix(key, "app.kubernetes.io/") || key == "control-plane" {
				got[key] = value
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s has other labels (-want +got):\n%s", obj.GetKind(), obj.GetName(), diff)
		}
	}
}

// componentOf names the controller an object belongs to, or nobody.
func componentOf(obj *unstructured.Unstructured) string {
	switch obj.GetKind() {
	case "CustomResourceDefinition":
		_, group, _ := strings.Cut(obj.GetName(), ".")
		name, _, _ := strings.Cut(group, ".")
		return name + "-controller"
	case "Service":
		if obj.GetName() == "webhook-receiver" {
			return "notification-controller"
		}
		return obj.GetName()
	case "Deployment", "ServiceAccount":
		return obj.GetName()
	default:
		return ""
	}
}

func TestInstallNames(t *testing.T) {
	want := []string{
		"ClusterRole crd-controller-flux-system",
		"ClusterRole flux-edit-flux-system",
		"ClusterRole flux-view-flux-system",
		"ClusterRole notification-migration-flux-system",
		"ClusterRoleBinding cluster-reconciler-flux-system",
		"ClusterRoleBinding crd-controller-flux-system",
		"ClusterRoleBinding notification-migration-flux-system",
		"CustomResourceDefinition alerts.notification.toolkit.fluxcd.io",
		"CustomResourceDefinition buckets.source.toolkit.fluxcd.io",
		"CustomResourceDefinition externalartifacts.source.toolkit.fluxcd.io",
		"CustomResourceDefinition gitrepositories.source.toolkit.fluxcd.io",
		"CustomResourceDefinition helmcharts.source.toolkit.fluxcd.io",
		"CustomResourceDefinition helmrepositories.source.toolkit.fluxcd.io",
		"CustomResourceDefinition kustomizations.kustomize.toolkit.fluxcd.io",
		"CustomResourceDefinition ocirepositories.source.toolkit.fluxcd.io",
		"CustomResourceDefinition providers.notification.toolkit.fluxcd.io",
		"CustomResourceDefinition receivers.notification.toolkit.fluxcd.io",
		"Deployment kustomize-controller",
		"Deployment notification-controller",
		"Deployment source-controller",
		"Namespace flux-system",
		"NetworkPolicy allow-egress",
		"NetworkPolicy allow-scraping",
		"NetworkPolicy allow-webhooks",
		"ResourceQuota critical-pods-flux-system",
		"Service notification-controller",
		"Service source-controller",
		"Service webhook-receiver",
		"ServiceAccount kustomize-controller",
		"ServiceAccount notification-controller",
		"ServiceAccount source-controller",
	}
	var got []string
	for _, obj := range build(t, "install") {
		got = append(got, obj.GetKind()+" "+obj.GetName())
		if obj.GetNamespace() != "" && obj.GetNamespace() != namespace {
			t.Errorf("%s %s lies in namespace %s", obj.GetKind(), obj.GetName(), obj.GetNamespace())
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("install holds other objects (-want +got):\n%s", diff)
	}
}

func TestDefinitionsKeepDollarSigns(t *testing.T) {
	for _, obj := range build(t, "install") {
		if obj.GetKind() != "CustomResourceDefinition" {
			continue
		}
		if got := obj.GetAnnotations()["kustomize.toolkit.fluxcd.io/substitute"]; got != "disabled" {
			t.Errorf("%s: variables would be substituted in its descriptions and rules: annotation is %q", obj.GetName(), got)
		}
	}
}

func TestDeploymentPods(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, deployment := range decode[appsv1.Deployment](t, "Deployment") {
		template := deployment.Spec.Template
		verdict := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec))
		if !verdict.Allowed {
			t.Errorf("%s would be refused by pod security: %s", deployment.Name, verdict.ForbiddenDetail())
		}
		if diff := cmp.Diff(map[string]string{"app": deployment.Name}, deployment.Spec.Selector.MatchLabels); diff != "" {
			t.Errorf("%s: a selector cannot be changed later, it selects by app only (-want +got):\n%s", deployment.Name, diff)
		}
		for key, value := range deployment.Labels {
			if strings.HasPrefix(key, "app.kubernetes.io/") && template.Labels[key] != value {
				t.Errorf("%s: its pods lack label %s=%s, by which their logs are found", deployment.Name, key, value)
			}
		}
		container := template.Spec.Containers[0]
		if want := "ghcr.io/capstan-gitops/" + deployment.Name + ":" + version; container.Image != want {
			t.Errorf("%s runs image %s, not %s", deployment.Name, container.Image, want)
		}
		if container.SecurityContext.ReadOnlyRootFilesystem == nil || !*container.SecurityContext.ReadOnlyRootFilesystem {
			t.Errorf("%s may write to its image", deployment.Name)
		}
	}
}

func TestDeploymentFacts(t *testing.T) {
	const events = "--events-addr=http://notification-controller.$(RUNTIME_NAMESPACE).svc.cluster.local./"
	common := []string{"--watch-all-namespaces=true", "--log-level=info", "--log-encoding=json", "--enable-leader-election"}
	type facts struct {
		Args, Ports, Volumes []string
		Readiness            string
		Grace                int64
		Requests             string
		Strategy             appsv1.DeploymentStrategyType
		Priority             string
	}
	want := map[string]facts{
		"source-controller": {
			Args: slices.Concat([]string{events}, common, []string{
				"--storage-path=/data", "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.cluster.local.",
			}),
			Ports: []string{"http", "http-prom", "healthz"}, Volumes: []string{"data", "tmp"},
			Readiness: "http/", Grace: 10, Requests: "50m/64Mi",
			Strategy: appsv1.RecreateDeploymentStrategyType, Priority: "system-cluster-critical",
		},
		"kustomize-controller": {
			Args: slices.Concat([]string{events}, common), Ports: []string{"http-prom", "healthz"}, Volumes: []string{"temp"},
			Readiness: "healthz/readyz", Grace: 60, Requests: "100m/64Mi", Priority: "system-cluster-critical",
		},
		"notification-controller": {
			Args: common, Ports: []string{"http", "http-webhook", "http-prom", "healthz"}, Volumes: []string{"temp"},
			Readiness: "healthz/readyz", Grace: 10, Requests: "100m/64Mi",
		},
	}
	got := map[string]facts{}
	for _, deployment := range decode[appsv1.Deployment](t, "Deployment") {
		pod := deployment.Spec.Template.Spec
		container := pod.Containers[0]
		probe := container.ReadinessProbe.HTTPGet
		f := facts{
			Args: container.Args, Readiness: probe.Port.String() + probe.Path, Grace: *pod.TerminationGracePeriodSeconds,
			Requests: container.Resources.Requests.Cpu().String() + "/" + container.Resources.Requests.Memory().String(),
			Strategy: deployment.Spec.Strategy.Type, Priority: pod.PriorityClassName,
		}
		for _, port := range container.Ports {
			f.Ports = append(f.Ports, port.Name)
		}
		for _, volume := range pod.Volumes {
			f.Volumes = append(f.Volumes, volume.Name)
		}
		got[deployment.Name] = f
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the Deployments depart from what users' patches rely on (-want +got):\n%s", diff)
	}
}

func TestControllerRoleOrder(t *testing.T) {
	all := []string{"*"}
	toolkit := func(group string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: all, Verbs: all}
	}
	core := func(resources []string, verbs ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{""}, Resources: resources, Verbs: verbs}
	}
	want := []rbacv1.PolicyRule{
		toolkit("source.toolkit.fluxcd.io"),
		toolkit("kustomize.toolkit.fluxcd.io"),
		toolkit("helm.toolkit.fluxcd.io"),
		toolkit("notification.toolkit.fluxcd.io"),
		toolkit("image.toolkit.fluxcd.io"),
		toolkit("source.extensions.fluxcd.io"),
		core([]string{"namespaces", "secrets", "configmaps", "serviceaccounts"}, "get", "list", "watch"),
		core([]string{"events"}, "create", "patch"),
		core([]string{"configmaps"}, "get", "list", "watch", "create", "update", "patch", "delete"),
		core([]string{"configmaps/status"}, "get", "update", "patch"),
		{
			APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"},
			Verbs: []string{"get", "list", "watch", "create", "update", "patch", "delete"},
		},
		core([]string{"serviceaccounts/token"}, "create"),
		{NonResourceURLs: []string{"/livez/ping"}, Verbs: []string{"head"}},
	}
	if diff := cmp.Diff(want, controllerRole(t).Rules); diff != "" {
		t.Errorf("others patch the rules of crd-controller by index (-want +got):\n%s", diff)
	}
}

func TestBindingsNameEveryController(t *testing.T) {
	want := map[string][]string{
		"cluster-admin": {"helm-controller", "kustomize-controller"},
		"crd-controller-flux-system": {
			"helm-controller", "image-automation-controller", "image-reflector-controller", "kustomize-controller",
			"notification-controller", "source-controller", "source-watcher",
		},
		"notification-migration-flux-system": {"notification-controller"},
	}
	got := map[string][]string{}
	for _, binding := range decode[rbacv1.ClusterRoleBinding](t, "ClusterRoleBinding") {
		for _, subject := range binding.Subjects {
			got[binding.RoleRef.Name] = append(got[binding.RoleRef.Name], subject.Name)
		}
		slices.Sort(got[binding.RoleRef.Name])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the bindings differ (-want +got):\n%s", diff)
	}
}

func TestNetworkPoliciesSelectByApp(t *testing.T) {
	want := map[string]map[string]string{
		"allow-egress": nil, "allow-scraping": nil, "allow-webhooks": {"app": "notification-controller"},
	}
	got := map[string]map[string]string{}
	for _, p := range decode[networkingv1.NetworkPolicy](t, "NetworkPolicy") {
		got[p.Name] = p.Spec.PodSelector.MatchLabels
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the NetworkPolicies differ (-want +got):\n%s", diff)
	}
}

func TestDevCluster(t *testing.T) {
	objects := build(t, "clusters/dev")
	want := map[string]string{"GitRepository": "1m0s", "Kustomization": "10m0s"}
	got := map[string]string{}
	for _, obj := range objects {
		if obj.GetName() != namespace || obj.GetNamespace() != namespace {
			t.Errorf("%s is %s/%s, but bootstrap names and places it like the namespace", obj.GetKind(), obj.GetNamespace(), obj.GetName())
		}
		interval, _, err := unstructured.NestedString(obj.Object, "spec", "interval")
		if err != nil {
			t.Fatal(err)
		}
		got[obj.GetKind()] = interval
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the sync objects differ (-want +got):\n%s", diff)
	}
}

func build(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := manifests.Build(folder)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// decode returns the objects of a kind in install, and fails on fields that the kind does not have.
func decode[T any](t *testing.T, kind string) []T {
	t.Helper()
	var all []T
	for _, obj := range build(t, "install") {
		if obj.GetKind() != kind {
			continue
		}
		var typed T
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(obj.Object, &typed, true); err != nil {
			t.Fatalf("decoding %s %s: %v", kind, obj.GetName(), err)
		}
		all = append(all, typed)
	}
	return all
}

func controllerRole(t *testing.T) rbacv1.ClusterRole {
	t.Helper()
	return clusterRole(t, "crd-controller-flux-system")
}

func clusterRole(t *testing.T, name string) rbacv1.ClusterRole {
	t.Helper()
	roles := decode[rbacv1.ClusterRole](t, "ClusterRole")
	at := slices.IndexFunc(roles, func(r rbacv1.ClusterRole) bool { return r.Name == name })
	if at < 0 {
		t.Fatalf("there is no %s", name)
	}
	return roles[at]
}

// TestMigrationIsBounded: the role writes the status of two definitions, and no other;
// who may write a definition may do a lot.
func TestMigrationIsBounded(t *testing.T) {
	rules := clusterRole(t, "notification-migration-flux-system").Rules
	for _, rule := range rules {
		if len(rule.ResourceNames) != 2 || slices.Contains(rule.Verbs, "*") {
			t.Errorf("the rule %+v is not bounded to the two definitions", rule)
		}
	}
	if len(rules) != 2 {
		t.Errorf("%d rules, want one for the definitions and one for their status", len(rules))
	}
}
