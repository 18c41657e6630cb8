package tenancy_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/pkg/tenancy"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv, env.NoCRDs(), env.Audit())) }

func clientFor(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func as(t *testing.T, base *rest.Config, id tenancy.Identity) client.Client {
	t.Helper()
	config, err := tenancy.Config(base, id)
	if err != nil {
		t.Fatal(err)
	}
	return clientFor(t, config)
}

func create(t *testing.T, c client.Client, objects ...client.Object) {
	t.Helper()
	for _, obj := range objects {
		if err := c.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
}

func whoAmI(t *testing.T, c client.Client) authenticationv1.UserInfo {
	t.Helper()
	review := &authenticationv1.SelfSubjectReview{}
	if err := c.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	slices.Sort(review.Status.UserInfo.Groups)
	return review.Status.UserInfo
}

// TestImpersonatedUser shows that the API server makes of the user name what it
// makes of the ServiceAccount's own token, groups included.
func TestImpersonatedUser(t *testing.T) {
	admin := clientFor(t, testEnv.Config())
	ns := env.Namespace(t, admin)
	got := whoAmI(t, as(t, testEnv.Config(), serviceAccount(t, ns, "deployer")))
	want := authenticationv1.UserInfo{
		Username: "system:serviceaccount:" + ns + ":deployer",
		Groups:   []string{"system:authenticated", "system:serviceaccounts", "system:serviceaccounts:" + ns},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("impersonated user (-want +got):\n%s", diff)
	}
}

// TestRights guards against work done with the rights of the controller: what the namespace's group may do, the identity may do, and
// nothing of what only the controller may do.
func TestRights(t *testing.T) {
	admin := clientFor(t, testEnv.Config())
	ns, other := env.Namespace(t, admin), env.Namespace(t, admin)
	create(t, admin,
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "writer"}, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create"},
		}}},
		&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "writer"},
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "writer"},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:serviceaccounts:" + ns}}},
	)
	cases := map[string]struct {
		why       string
		id        tenancy.Identity
		namespace string
		allowed   bool
	}{
		"Group":          {"the binding names the group of the namespace", serviceAccount(t, ns, "deployer"), ns, true},
		"OtherNamespace": {"the binding is of one namespace", serviceAccount(t, ns, "deployer"), other, false},
		"Stranger":       {"a ServiceAccount of another namespace is not in the group", serviceAccount(t, other, "deployer"), ns, false},
		"Controller":     {"the controller may", tenancy.Controller(), other, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: tc.namespace, GenerateName: "made-"}}
			err := as(t, testEnv.Config(), tc.id).Create(t.Context(), object)
			if tc.allowed && err != nil || !tc.allowed && !apierrors.IsForbidden(err) {
				t.Errorf("%s: got %v, want allowed: %t", tc.why, err, tc.allowed)
			}
		})
	}
	requests := requestsOn(t, testEnv.AuditLog(), ns)
	stranger := "system:serviceaccount:" + other + ":deployer"
	want := []string{
		"tester as system:serviceaccount:" + ns + ":deployer: 201",
		"tester as " + stranger + ": 403",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, requests); diff != "" {
		t.Errorf("audit log of ConfigMaps (-want +got):\n%s", diff)
	}
}

// requestsOn lists who asked to create ConfigMaps in the namespace, on whose
// behalf and with what answer.
func requestsOn(t *testing.T, log, namespace string) []string {
	t.Helper()
	file, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var found []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var event struct {
			Stage, Verb            string
			User, ImpersonatedUser struct{ Username string }
			ObjectRef              struct{ Resource, Namespace string }
			ResponseStatus         struct{ Code json.Number }
		}
		if json.Unmarshal(lines.Bytes(), &event) != nil || event.Stage != "ResponseComplete" ||
			event.Verb != "create" || event.ObjectRef.Resource != "configmaps" || event.ObjectRef.Namespace != namespace {
			continue
		}
		found = append(found, event.User.Username+" as "+event.ImpersonatedUser.Username+": "+event.ResponseStatus.Code.String())
	}
	slices.Sort(found)
	return found
}

// TestMayNotImpersonate shows that credentials without the right to impersonate
// gain nothing by trying.
func TestMayNotImpersonate(t *testing.T) {
	admin := clientFor(t, testEnv.Config())
	ns := env.Namespace(t, admin)
	base, err := testEnv.ServiceAccount(ns, "weak")
	if err != nil {
		t.Fatal(err)
	}
	config, err := tenancy.Config(base, serviceAccount(t, "kube-system", "namespace-controller"))
	if err != nil {
		t.Fatal(err)
	}
	weak, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = weak.CoreV1().ConfigMaps(ns).List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "impersonate") {
		t.Errorf("got %v, want a refusal to impersonate", err)
	}
}
