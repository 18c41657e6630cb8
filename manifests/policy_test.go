package manifests_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/capstan-gitops/capstan/manifests"
)

const (
	enforce  = "pod-security.kubernetes.io/enforce"
	manager  = "flux"
	inEffect = 30 * time.Second
	often    = 50 * time.Millisecond
)

var (
	namespaces     = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	reviews        = authorizationv1.SchemeGroupVersion.WithResource("subjectaccessreviews")
	roles          = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}
	roleBindings   = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}
	wideBindings   = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}
	policyBindings = admissionv1.SchemeGroupVersion.WithResource("validatingadmissionpolicybindings")
	kustomizations = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
	alerts         = schema.GroupVersionResource{Group: "notification.toolkit.fluxcd.io", Version: "v1", Resource: "alerts"}
)

type fields = map[string]any

// installed applies the profile to the test's API server, once, and waits until its policies are in force.
var installed = sync.OnceValue(func() error {
	admin, err := dynamic.NewForConfig(testEnv.Config())
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := applyAll(ctx, admin); err != nil {
		return err
	}
	for _, probe := range []struct {
		resource schema.GroupVersionResource
		obj      *unstructured.Unstructured
	}{
		{namespaces, namespaceWith("probe", "privileged")},
		{kustomizations, kustomizationOf("default", "probe", fields{"namespace": "other"}, nil)},
		{alerts, alertOf("default", "probe", "other")},
	} {
		if err := untilRefused(ctx, admin, probe.resource, probe.obj); err != nil {
			return err
		}
	}
	return nil
})

// applyAll applies the objects of the profile in their order, as kubectl apply -k --server-side does.
func applyAll(ctx context.Context, admin dynamic.Interface) error {
	found, err := discovery.NewDiscoveryClientForConfig(testEnv.Config())
	if err != nil {
		return err
	}
	groups, err := restmapper.GetAPIGroupResources(found)
	if err != nil {
		return err
	}
	objects, err := manifests.Build(lockdown)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	for _, obj := range objects {
		mapping, err := mapper.RESTMapping(obj.GroupVersionKind().GroupKind(), obj.GroupVersionKind().Version)
		if err != nil {
			return err
		}
		var resource dynamic.ResourceInterface = admin.Resource(mapping.Resource)
		if mapping.Scope.Name() == apimeta.RESTScopeNameNamespace {
			resource = admin.Resource(mapping.Resource).Namespace(obj.GetNamespace())
		}
		if _, err := resource.Apply(ctx, obj.GetName(), obj, metav1.ApplyOptions{FieldManager: manager, Force: true}); err != nil {
			return fmt.Errorf("applying %s: %w", nameOf(obj), err)
		}
	}
	return nil
}

// untilRefused waits for a policy to be in force: the API server takes them up some time after they were written.
func untilRefused(ctx context.Context, admin dynamic.Interface, gvr schema.GroupVersionResource, obj *unstructured.Unstructured) error {
	account := "system:serviceaccount:probe:probe"
	if gvr == namespaces {
		binding := bindingOf("ClusterRoleBinding", "probe", "", "namespaces-probe", "probe")
		if err := grantNamespaces(ctx, admin, "namespaces-probe"); err != nil {
			return err
		}
		if _, err := admin.Resource(wideBindings).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
			return err
		}
		config := testEnv.Config()
		config.Impersonate = rest.ImpersonationConfig{UserName: account}
		var err error
		if admin, err = dynamic.NewForConfig(config); err != nil {
			return err
		}
	}
	var resource dynamic.ResourceInterface = admin.Resource(gvr)
	if gvr != namespaces {
		resource = admin.Resource(gvr).Namespace(obj.GetNamespace())
	}
	var last error
	err := wait.PollUntilContextTimeout(ctx, often, inEffect, true, func(ctx context.Context) (bool, error) {
		_, last = resource.Create(ctx, obj, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return last != nil && strings.Contains(last.Error(), "ValidatingAdmissionPolicy"), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the policy on %s, last answer %w: %w", gvr.Resource, last, err)
	}
	return nil
}

func grantNamespaces(ctx context.Context, admin dynamic.Interface, role string) error {
	_, err := admin.Resource(roles).Create(ctx, &unstructured.Unstructured{Object: fields{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": fields{"name": role},
		"rules": []any{fields{
			"apiGroups": []any{""}, "verbs": []any{"*"}, "resources": []any{"namespaces", "namespaces/status", "namespaces/finalize"},
		}},
	}}, metav1.CreateOptions{})
	return err
}

func bindingOf(kind, name, namespace, role, account string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: fields{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": fields{"name": name},
		"roleRef":  fields{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
		"subjects": []any{fields{"kind": "ServiceAccount", "namespace": account, "name": account}},
	}}
	obj.SetNamespace(namespace)
	return obj
}

func namespaceWith(name, level string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: fields{"apiVersion": "v1", "kind": "Namespace", "metadata": fields{"name": name}}}
	if level != "" {
		obj.SetLabels(map[string]string{enforce: level})
	}
	return obj
}

func kustomizationOf(namespace, name string, source fields, dependsOn []any) *unstructured.Unstructured {
	ref := fields{"kind": "GitRepository", "name": "repo"}
	for key, value := range source {
		ref[key] = value
	}
	spec := fields{"interval": "1h", "prune": true, "sourceRef": ref}
	if dependsOn != nil {
		spec["dependsOn"] = dependsOn
	}
	return &unstructured.Unstructured{Object: fields{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
		"metadata": fields{"name": name, "namespace": namespace}, "spec": spec,
	}}
}

func alertOf(namespace, name, source string) *unstructured.Unstructured {
	from := fields{"kind": "Kustomization", "name": "*"}
	if source != "" {
		from["namespace"] = source
	}
	return &unstructured.Unstructured{Object: fields{
		"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Alert",
		"metadata": fields{"name": name, "namespace": namespace},
		"spec":     fields{"providerRef": fields{"name": "chat"}, "eventSources": []any{from}},
	}}
}

// cluster is the API server with the profile applied, for one test.
type cluster struct {
	t     *testing.T
	admin dynamic.Interface
	name  string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	admin, err := dynamic.NewForConfig(testEnv.Config())
	if err != nil {
		t.Fatal(err)
	}
	name := "t-" + strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	return &cluster{t: t, admin: admin, name: name}
}

// as returns a client that acts as a user in the way kustomize-controller acts as the ServiceAccount of a tenant.
func (c *cluster) as(user string) dynamic.Interface {
	c.t.Helper()
	config, err := testEnv.ServiceAccount(namespace, "kustomize-controller")
	if err != nil {
		c.t.Fatal(err)
	}
	if user != "" {
		config.Impersonate = rest.ImpersonationConfig{UserName: user}
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		c.t.Fatal(err)
	}
	return client
}

// bind gives the ServiceAccount that is named as the test a role.
func (c *cluster) bind(role string, in string) {
	c.t.Helper()
	var err error
	if in == "" {
		_, err = c.admin.Resource(wideBindings).Create(c.t.Context(), bindingOf("ClusterRoleBinding", c.name+"-"+role, "", role, c.name), metav1.CreateOptions{})
	} else {
		_, err = c.admin.Resource(roleBindings).Namespace(in).Create(c.t.Context(), bindingOf("RoleBinding", role, in, role, c.name), metav1.CreateOptions{})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// account is the ServiceAccount that is named as the test.
func (c *cluster) account() string { return "system:serviceaccount:" + c.name + ":" + c.name }

func (c *cluster) create(obj *unstructured.Unstructured, gvr schema.GroupVersionResource) {
	c.t.Helper()
	if _, err := c.admin.Resource(gvr).Namespace(obj.GetNamespace()).Create(c.t.Context(), obj, metav1.CreateOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

// authorized waits until a user has a right: the API server takes up roles some time after they were written.
func (c *cluster) authorized(user string, right authorizationv1.ResourceAttributes) {
	c.t.Helper()
	review, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&authorizationv1.SubjectAccessReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "authorization.k8s.io/v1", Kind: "SubjectAccessReview"},
		Spec:     authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &right},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	err = wait.PollUntilContextTimeout(c.t.Context(), often, inEffect, true, func(ctx context.Context) (bool, error) {
		answer, err := c.admin.Resource(reviews).Create(ctx, &unstructured.Unstructured{Object: review}, metav1.CreateOptions{})
		if err != nil {
			return false, err
		}
		allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
		return allowed, err
	})
	if err != nil {
		c.t.Fatalf("waiting for %s to have the right %+v: %v", user, right, err)
	}
}

// mayWrite waits until a user may patch the test's Namespace.
func (c *cluster) mayWrite(user string) {
	c.t.Helper()
	c.authorized(user, authorizationv1.ResourceAttributes{Verb: "patch", Resource: "namespaces", Namespace: c.name, Name: c.name})
}

// merge patches labels of a Namespace; a nil value removes a label.
func merge(t *testing.T, client dynamic.Interface, name string, labels fields, subresource ...string) error {
	t.Helper()
	patch, err := json.Marshal(fields{"metadata": fields{"labels": labels}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Resource(namespaces).Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}, subresource...)
	return err
}

// refused compares an answer of the API server with whether a policy was to refuse.
func refused(t *testing.T, err error, want bool, message string) {
	t.Helper()
	if !want {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy") || !strings.Contains(err.Error(), message) {
		t.Errorf("got %v, not the refusal of a policy that says %q", err, message)
	}
}

// TestPoliciesHaveNoUnknownFields decodes them strictly, because server-side apply only warns.
func TestPoliciesHaveNoUnknownFields(t *testing.T) {
	found := 0
	for _, obj := range build(t, lockdown) {
		var typed any
		switch obj.GetKind() {
		case "ValidatingAdmissionPolicy":
			typed = &admissionv1.ValidatingAdmissionPolicy{}
		case "ValidatingAdmissionPolicyBinding":
			typed = &admissionv1.ValidatingAdmissionPolicyBinding{}
		default:
			continue
		}
		found++
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(obj.Object, typed, true); err != nil {
			t.Errorf("decoding %s: %v", nameOf(obj), err)
		}
	}
	if found == 0 {
		t.Error("there are no policies")
	}
}

const labelMessage = "may not set, change or remove labels pod-security.kubernetes.io/*"

// TestTenantKeepsPodSecurityLabels guards against a tenant that lifts the restrictions of its pods: one that may do everything with Namespaces, or everything in its own,
// changes no label by which pods are restricted.
func TestTenantKeepsPodSecurityLabels(t *testing.T) {
	patch := func(labels fields, subresource ...string) func(*testing.T, dynamic.Interface, string) error {
		return func(t *testing.T, tenant dynamic.Interface, ns string) error {
			t.Helper()
			return merge(t, tenant, ns, labels, subresource...)
		}
	}
	apply := func(level string) func(*testing.T, dynamic.Interface, string) error {
		return func(t *testing.T, tenant dynamic.Interface, ns string) error {
			t.Helper()
			_, err := tenant.Resource(namespaces).Apply(t.Context(), ns, namespaceWith(ns, level), metav1.ApplyOptions{FieldManager: "kustomize-controller", Force: true})
			return err
		}
	}
	create := func(level string) func(*testing.T, dynamic.Interface, string) error {
		return func(t *testing.T, tenant dynamic.Interface, ns string) error {
			t.Helper()
			_, err := tenant.Resource(namespaces).Create(t.Context(), namespaceWith(ns+"-new", level), metav1.CreateOptions{})
			return err
		}
	}
	remove := func(t *testing.T, tenant dynamic.Interface, ns string) error {
		t.Helper()
		return tenant.Resource(namespaces).Delete(t.Context(), ns, metav1.DeleteOptions{})
	}
	cases := map[string]struct {
		why     string
		level   string // of the namespace before
		do      func(*testing.T, dynamic.Interface, string) error
		refused bool
	}{
		"ApplyWeaker":      {"what the Git of a tenant says is not what an admin said", "restricted", apply("privileged"), true},
		"ApplySame":        {"a manifest that repeats the label changes nothing", "restricted", apply("restricted"), false},
		"ApplyWithout":     {"server-side apply leaves the label of another manager", "restricted", apply(""), false},
		"Change":           {"a patch is a change too", "restricted", patch(fields{enforce: "baseline"}), true},
		"ChangeStatus":     {"labels can be written through the status", "restricted", patch(fields{enforce: "privileged"}, "status"), true},
		"Remove":           {"without the label the default of the cluster holds", "restricted", patch(fields{enforce: nil}), true},
		"RemoveAll":        {"removing all labels removes this one", "restricted", patch(nil), true},
		"Add":              {"a label that is not there may be stronger by default", "", patch(fields{enforce: "privileged"}), true},
		"AddAnotherOfIts":  {"an older version of the rules is weaker as well", "restricted", patch(fields{enforce + "-version": "v1.22"}), true},
		"AddAudit":         {"all labels with the prefix are the admin's", "restricted", patch(fields{"pod-security.kubernetes.io/audit": "privileged"}), true},
		"OtherLabel":       {"other labels are the tenant's", "restricted", patch(fields{"team": "a"}), false},
		"LookAlike":        {"a label that only looks alike means nothing", "restricted", patch(fields{"x.pod-security.kubernetes.io/enforce": "privileged"}), false},
		"OtherLabelStatus": {"the status is not closed", "restricted", patch(fields{"team": "a"}, "status"), false},
		"CreateWith":       {"a new namespace gets what the cluster gives", "", create("privileged"), true},
		"CreateWithout":    {"tenants that may make namespaces still do", "", create(""), false},
		"Delete":           {"deleted and made anew, it would have no label", "restricted", remove, true},
		"DeleteWithout":    {"without labels there is nothing to keep", "", remove, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.create(namespaceWith(c.name, tc.level), namespaces)
			c.bind("namespaces-probe", "")
			c.mayWrite(c.account())
			t.Log(tc.why)
			refused(t, tc.do(t, c.as(c.account()), c.name), tc.refused, labelMessage)
		})
	}
}

// TestFinalizeKeepsPodSecurityLabels looks at the other way around: finalize takes a whole Namespace.
func TestFinalizeKeepsPodSecurityLabels(t *testing.T) {
	c := newCluster(t)
	c.create(namespaceWith(c.name, "restricted"), namespaces)
	c.bind("namespaces-probe", "")
	c.mayWrite(c.account())
	obj, err := c.admin.Resource(namespaces).Get(t.Context(), c.name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	obj.SetLabels(map[string]string{enforce: "privileged"})
	_, err = c.as(c.account()).Resource(namespaces).Update(t.Context(), obj, metav1.UpdateOptions{}, "finalize")
	refused(t, err, true, labelMessage)
}

// TestWhoMayChangePodSecurityLabels lists who is held to the policy and who is not.
func TestWhoMayChangePodSecurityLabels(t *testing.T) {
	cases := map[string]struct {
		why     string
		grant   func(*cluster)
		user    func(*cluster) string
		refused bool
	}{
		"AdminOfItsNamespace": {
			"cluster-admin within a namespace may write the Namespace itself, and is what tenants commonly have",
			func(c *cluster) { c.bind("cluster-admin", c.name) }, (*cluster).account, true,
		},
		"AccountOfTheInstall": {
			"living beside the controllers is no reason",
			func(c *cluster) {
				obj := bindingOf("ClusterRoleBinding", c.name, "", "namespaces-probe", "x")
				obj.Object["subjects"] = []any{fields{"kind": "ServiceAccount", "namespace": namespace, "name": "default"}}
				c.create(obj, wideBindings)
			},
			func(*cluster) string { return "system:serviceaccount:" + namespace + ":default" }, true,
		},
		"Granted": {
			"operators that make namespaces are granted it",
			func(c *cluster) {
				c.bind("namespaces-probe", "")
				c.bind("change-pod-security-labels-flux-system", "")
				c.authorized(c.account(), authorizationv1.ResourceAttributes{Verb: "change", Group: "capstan.dev", Resource: "podsecuritylabels"})
			}, (*cluster).account, false,
		},
		"ClusterAdmin": {
			"who may delete the policy is not held by it",
			func(c *cluster) { c.bind("cluster-admin", "") }, (*cluster).account, false,
		},
		"Controller": {
			"what the platform's own Git says is applied by the controller",
			func(*cluster) {}, func(*cluster) string { return "" }, false,
		},
		"ControllerAsItself": {
			"so it is where the Kustomization names the controller's account",
			func(*cluster) {}, func(*cluster) string { return "system:serviceaccount:" + namespace + ":kustomize-controller" }, false,
		},
		"KubeSystem": {
			"controllers of Kubernetes are not tenants",
			func(c *cluster) {
				obj := bindingOf("ClusterRoleBinding", c.name, "", "namespaces-probe", "x")
				obj.Object["subjects"] = []any{fields{"kind": "ServiceAccount", "namespace": "kube-system", "name": "labeller"}}
				c.create(obj, wideBindings)
			},
			func(*cluster) string { return "system:serviceaccount:kube-system:labeller" }, false,
		},
		"Person": {
			"people are not what Kustomizations act as",
			func(c *cluster) {
				obj := bindingOf("ClusterRoleBinding", c.name, "", "namespaces-probe", "x")
				obj.Object["subjects"] = []any{fields{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ada"}}
				c.create(obj, wideBindings)
			},
			func(*cluster) string { return "ada" }, false,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.create(namespaceWith(c.name, "restricted"), namespaces)
			tc.grant(c)
			user := tc.user(c)
			if user != "" {
				c.mayWrite(user)
			}
			t.Log(tc.why)
			refused(t, merge(t, c.as(user), c.name, fields{enforce: "privileged"}), tc.refused, labelMessage)
		})
	}
}

func TestReferencesStayInTheirNamespace(t *testing.T) {
	const source, dependency, event = "spec.sourceRef refers to namespace other", "spec.dependsOn refers to another namespace", "spec.eventSources refers to another namespace"
	cases := map[string]struct {
		why     string
		gvr     schema.GroupVersionResource
		obj     func(ns string) *unstructured.Unstructured
		message string // empty if it is accepted
	}{
		"Home": {"no namespace is the own", kustomizations, func(ns string) *unstructured.Unstructured {
			return kustomizationOf(ns, "a", nil, []any{fields{"name": "b"}})
		}, ""},
		"HomeNamed": {"naming the own is no crossing", kustomizations, func(ns string) *unstructured.Unstructured {
			return kustomizationOf(ns, "a", fields{"namespace": ns}, []any{fields{"name": "b", "namespace": ns}})
		}, ""},
		"Source": {"the source of somebody else", kustomizations, func(ns string) *unstructured.Unstructured {
			return kustomizationOf(ns, "a", fields{"namespace": "other"}, nil)
		}, source},
		"Dependency": {"one of several is enough", kustomizations, func(ns string) *unstructured.Unstructured {
			return kustomizationOf(ns, "a", nil, []any{fields{"name": "b"}, fields{"name": "c", "namespace": "other"}})
		}, dependency},
		"AlertHome": {"no namespace is the own", alerts, func(ns string) *unstructured.Unstructured { return alertOf(ns, "a", "") }, ""},
		"AlertHomeNamed": {"naming the own is no crossing", alerts, func(ns string) *unstructured.Unstructured {
			return alertOf(ns, "a", ns)
		}, ""},
		"Alert": {"events of somebody else", alerts, func(ns string) *unstructured.Unstructured { return alertOf(ns, "a", "other") }, event},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.create(namespaceWith(c.name, ""), namespaces)
			t.Log(tc.why)
			_, err := c.admin.Resource(tc.gvr).Namespace(c.name).Create(t.Context(), tc.obj(c.name), metav1.CreateOptions{})
			refused(t, err, tc.message != "", tc.message)
		})
	}
}

// TestOldReferencesDoNotBlock says that an object from before the profile can be asked to reconcile and be finalized;
// otherwise it could never be deleted. The controller refuses it all the same.
func TestOldReferencesDoNotBlock(t *testing.T) {
	c := newCluster(t)
	c.create(namespaceWith(c.name, ""), namespaces)
	const name = "kustomization-references-flux-system"
	kept, err := c.admin.Resource(policyBindings).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.admin.Resource(policyBindings).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	old := kustomizationOf(c.name, "old", fields{"namespace": "other"}, nil)
	old.SetFinalizers([]string{"capstan.dev/test"})
	mine := c.admin.Resource(kustomizations).Namespace(c.name)
	err = wait.PollUntilContextTimeout(t.Context(), often, inEffect, true, func(ctx context.Context) (bool, error) {
		_, err := mine.Create(ctx, old, metav1.CreateOptions{})
		return err == nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	kept.SetResourceVersion("")
	kept.SetUID("")
	c.create(kept, policyBindings)
	if err := untilRefused(t.Context(), c.admin, kustomizations, kustomizationOf(c.name, "new", fields{"namespace": "other"}, nil)); err != nil {
		t.Fatal(err)
	}
	patch := func(body string) error {
		_, err := mine.Patch(t.Context(), "old", types.MergePatchType, []byte(body), metav1.PatchOptions{})
		return err
	}
	refused(t, patch(`{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":"now"}}}`), false, "")
	refused(t, patch(`{"spec":{"interval":"2h"}}`), true, "spec.sourceRef refers to namespace other")
	if err := mine.Delete(t.Context(), "old", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	refused(t, patch(`{"metadata":{"finalizers":null}}`), false, "")
	if _, err := mine.Get(t.Context(), "old", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("it is still there: %v", err)
	}
}
