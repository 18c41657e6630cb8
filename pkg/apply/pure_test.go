package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

type fields = map[string]any

func object(apiVersion, kind, name string, content fields) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: fields{"apiVersion": apiVersion, "kind": kind, "metadata": fields{"name": name}}}
	for key, value := range content {
		obj.Object[key] = value
	}
	return obj
}

func TestStages(t *testing.T) {
	var tasks []Task
	for _, o := range [][2]string{
		{"admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"}, {"example.org/v1", "Zoo"}, {"apps/v1", "Deployment"},
		{"v1", "Secret"}, {"v1", "ConfigMap"}, {"storage.k8s.io/v1", "StorageClass"}, {"rbac.authorization.k8s.io/v1", "ClusterRole"},
		{"v1", "Namespace"}, {"apiextensions.k8s.io/v1", "CustomResourceDefinition"}, {"example.org/v1", "Early"},
		{"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"}, {"example.org/v1", "Apple"}, {"example.org/v1", "Namespace"},
	} {
		tasks = append(tasks, TaskOf(object(o[0], o[1], "b", nil)), TaskOf(object(o[0], o[1], "a", nil)))
	}
	var got []string
	for _, stage := range Stages(tasks, []schema.GroupKind{{Group: "example.org", Kind: "Early"}}) {
		var ranks []string
		for _, rank := range stage.Ranks {
			var names []string
			for _, task := range rank {
				names = append(names, task.ID.Kind+"/"+task.ID.Name)
			}
			ranks = append(ranks, strings.Join(names, "+"))
		}
		line := strings.Join(ranks, " < ")
		if stage.Awaited {
			line += " (awaited)"
		}
		got = append(got, line)
	}
	want := []string{
		"CustomResourceDefinition/a+CustomResourceDefinition/b < Namespace/a+Namespace/b < ClusterRole/a+ClusterRole/b (awaited)",
		"StorageClass/a+StorageClass/b (awaited)",
		"Early/a+Early/b",
		"Namespace/a+Namespace/b < ConfigMap/a+ConfigMap/b < Secret/a+Secret/b < Deployment/a+Deployment/b < " +
			"Apple/a+Apple/b+Zoo/a+Zoo/b < MutatingWebhookConfiguration/a+MutatingWebhookConfiguration/b < " +
			"ValidatingWebhookConfiguration/a+ValidatingWebhookConfiguration/b",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutValues(t *testing.T) {
	const canary = "canary-value"
	status := func(reason metav1.StatusReason, message string, causes ...metav1.StatusCause) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Reason: reason, Message: message, Details: &metav1.StatusDetails{Causes: causes}}}
	}
	denied := `secrets "s" is forbidden: User "u" cannot patch resource "secrets" in API group "" in the namespace "shop"`
	cases := map[string]struct {
		why  string
		err  error
		want string
	}{
		"Invalid":  {"validation quotes values", status("Invalid", canary, metav1.StatusCause{Type: "FieldValueInvalid", Field: "data[a]", Message: canary}), "refused fields: data[a]: FieldValueInvalid"},
		"Bad":      {"decoding quotes values", status("BadRequest", canary), "the answer is not shown because it may hold values of the object"},
		"Webhook":  {"an admission plug-in sees the object", status("Forbidden", "admission webhook denied: "+canary), "the answer is not shown because it may hold values of the object"},
		"RBAC":     {"the authoriser knows names only", status("Forbidden", denied+": "+canary), denied},
		"NotFound": {"it names the namespace", status("NotFound", `namespaces "x" not found`), `namespaces "x" not found`},
		"Network":  {"a failed connection has seen no object", errors.New("connection refused"), "connection refused"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := withoutValues(c.err)
			if got.Error() != c.want {
				t.Errorf("%s: got %q", c.why, got)
			}
			if apierrors.ReasonForError(got) != apierrors.ReasonForError(c.err) {
				t.Errorf("the reason was lost: %v", got)
			}
		})
	}
	ending := withoutValues(status("Forbidden", "x", metav1.StatusCause{Type: corev1.NamespaceTerminatingCause}))
	if !NamespaceTerminating(ending) {
		t.Error("the cause was lost")
	}
	got := (&ObjectError{ID: inventory.ID{Name: "s", Namespace: "shop", Kind: "Secret"}, Step: "dry-run", Err: status("Invalid", "m")}).Error()
	if want := "Secret/shop/s dry-run failed (Invalid): m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
