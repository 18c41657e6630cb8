package world_test

import (
	"context"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/world"
)

func TestWorld(t *testing.T) {
	w, err := world.Start(t.Context(), world.Options{
		Controllers: []world.Controller{world.Source}, Audit: true, Progress: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Run("Roles", func(t *testing.T) { roles(t, w) })
	t.Run("Requests", func(t *testing.T) { requests(t, w) })
	t.Run("Files", func(t *testing.T) { files(t, w) })
	t.Run("Restart", func(t *testing.T) { restart(t, w) })
}

// roles asks as each controller what it may do: the shipped roles are in force, and no more than those.
func roles(t *testing.T, w *world.World) {
	cases := map[string]struct {
		who                   string
		verb, group, resource string
		want                  bool
		why                   string
	}{
		"SourceWritesItsStatus": {
			who: "source-controller", verb: "patch", group: "source.toolkit.fluxcd.io", resource: "gitrepositories", want: true,
			why: "crd-controller grants our kinds",
		},
		"SourceCreatesEvents": {
			who: "source-controller", verb: "create", resource: "events", want: true,
			why: "crd-controller grants events",
		},
		"SourceCreatesNoPods": {
			who: "source-controller", verb: "create", resource: "pods",
			why: "only those who apply what is in Git may create what runs",
		},
		"SourceWritesNoSecrets": {
			who: "source-controller", verb: "update", resource: "secrets",
			why: "credentials are read, never written",
		},
		"KustomizeCreatesPods": {
			who: "kustomize-controller", verb: "create", resource: "pods", want: true,
			why: "cluster-reconciler makes it cluster-admin",
		},
		"NotificationReadsSecrets": {
			who: "notification-controller", verb: "get", resource: "secrets", want: true,
			why: "the addresses of services are in Secrets",
		},
		"NotificationWritesNoDefinition": {
			who: "notification-controller", verb: "patch", group: "apiextensions.k8s.io", resource: "customresourcedefinitions",
			why: "it writes the status of two of them only",
		},
		"AStrangerReadsNothing": {
			who: "stranger", verb: "get", resource: "secrets",
			why: "the bindings name our ServiceAccounts",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			review := &authorizationv1.SelfSubjectAccessReview{}
			review.Spec.ResourceAttributes = &authorizationv1.ResourceAttributes{
				Namespace: "default", Verb: tc.verb, Group: tc.group, Resource: tc.resource,
			}
			if err := as(t, w, tc.who).Create(t.Context(), review); err != nil {
				t.Fatal(err)
			}
			if review.Status.Allowed != tc.want {
				t.Errorf("%s may %s %s: %t, want %t, because %s", tc.who, tc.verb, tc.resource, review.Status.Allowed, tc.want, tc.why)
			}
		})
	}
}

// requests makes two requests under a controller's name and looks for them, and only them, in the audit log.
func requests(t *testing.T, w *world.World) {
	c := as(t, w, string(world.Kustomize))
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "counted"}}
	if err := c.Create(t.Context(), configMap.DeepCopy(), client.DryRunAll); err != nil { // The client asks which kinds there are.
		t.Fatal(err)
	}
	position, err := w.Position()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), configMap.DeepCopy(), client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), configMap); err != nil {
		t.Fatal(err)
	}
	got, err := w.Since(position, world.Kustomize)
	if err != nil {
		t.Fatal(err)
	}
	const want = "    1 create configmaps\n    1 create configmaps (dry run)"
	if text := world.Summary(got.Work); text != want {
		t.Errorf("the audit log shows\n%s\nwant\n%s", text, want)
	}
}

// files looks for a text that is in the log alone, for one that is in another file, and for one that is nowhere.
func files(t *testing.T, w *world.World) {
	for text, want := range map[string]string{
		`"controller":"source-controller"`: w.LogFile(world.Source), "certificate-authority-data": "kubeconfig", "nobody wrote this": "",
	} {
		found, err := w.FilesWith(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(found, " "); len(found) > 1 || !strings.HasSuffix(got, want) || (want == "") != (got == "") {
			t.Errorf("%q is in %q, want %q", text, got, want)
		}
	}
}

func restart(t *testing.T, w *world.World) {
	before, _ := w.PID(world.Source)
	if err := w.Kill(world.Source); err != nil {
		t.Fatal(err)
	}
	if w.Failed() == nil {
		t.Error("a controller that was killed is not missed")
	}
	if err := w.Restart(t.Context(), world.Source); err != nil {
		t.Fatal(err)
	}
	if after, _ := w.PID(world.Source); after == before || w.Failed() != nil {
		t.Errorf("after a restart process %d is %d, failures: %v", before, after, w.Failed())
	}
	if err := w.Kill(world.Notification); err == nil {
		t.Error("killing a controller that this world does not have succeeds")
	}
}

// TestStartThatIsCutShort leaves nothing behind that a second Stop could trip over.
func TestStartThatIsCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w, err := world.Start(ctx, world.Options{Controllers: []world.Controller{world.Source}}); err == nil {
		t.Errorf("a start that was cancelled succeeded: %v", w.Stop())
	}
}

// as returns a client with the identity that a controller's process has.
func as(t *testing.T, w *world.World, name string) client.Client {
	t.Helper()
	user, groups := devcluster.ServiceAccountIdentity(world.Namespace, name)
	kubeconfig, err := w.Cluster().KubeconfigFor(user, groups)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
