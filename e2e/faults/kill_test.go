package faults

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

// TestKilledAfterEveryWrite guards against work that a kill leaves half done: the golden scenario creates a unit with a definition, an object of it and a
// Deployment, changes, prunes and deletes it. The process is killed with SIGKILL after every kind of write that the
// undisturbed scenario makes, once the server has done it and before the process hears of it. Whatever the undisturbed
// scenario leaves after each of its steps, the disturbed one leaves too.
func TestKilledAfterEveryWrite(t *testing.T) {
	calm := &boundaries{seen: map[string]bool{}}
	want := golden(t, "calm", calm)
	deadly := &boundaries{seen: map[string]bool{}, kills: true}
	got := golden(t, "deadly", deadly)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is left differs (-undisturbed +killed):\n%s", diff)
	}
	for boundary := range calm.seen {
		if !deadly.seen[boundary] {
			t.Errorf("nothing was killed after: %s", boundary)
		}
	}
	const least = 12
	if len(calm.seen) < least {
		t.Errorf("the scenario makes %d kinds of writes, which are too few to prove anything: %q", len(calm.seen), slices.Sorted(maps.Keys(calm.seen)))
	}
	t.Logf("killed after each of these:\n%s", strings.Join(slices.Sorted(maps.Keys(deadly.seen)), "\n"))
}

// golden runs the golden scenario and returns what there is after each of its steps.
func golden(t *testing.T, name string, b *boundaries) (states []string) {
	t.Helper()
	s := scene(t, name, "golden")
	c := newController(t, name, "--requeue-dependency=1s")
	b.t, b.controller, b.namespace = t, c, s.Namespace
	c.follow(b.serve)
	repository := s.Repository("state-1")
	b.enter("create")
	app := repository.Sync("app", c.ours())
	app.BecomesReady()
	states = append(states, left(t, s.Namespace, app.Object()))
	b.enter("change")
	app.Applies(repository.Commit("state-2"))
	states = append(states, left(t, s.Namespace, app.Object()))
	b.enter("prune")
	app.Applies(repository.Commit("state-3"))
	states = append(states, left(t, s.Namespace, app.Object()))
	b.enter("delete")
	s.Delete(app.Object())
	s.Vanishes(app.Object(), steps.Deployment("web"), steps.ConfigMap("config"), definition())
	c.follow(pass)
	return append(states, left(t, s.Namespace, app.Object()))
}

func definition() client.Object {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	u.SetName("widgets.faults.example.com")
	return u
}

// boundaries is a rule that knows the moments after which something has been done.
type boundaries struct {
	t          *testing.T
	controller *controller
	namespace  string
	kills      bool

	mu    sync.Mutex
	stage string
	dying bool
	seen  map[string]bool
}

func (b *boundaries) enter(stage string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stage = stage
}

// serve kills the process after the first write of a kind in each step. Nothing of a process that is about to be killed
// gets through.
func (b *boundaries) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	deadly, dead := b.judge(r)
	switch {
	case dead:
		panic(http.ErrAbortHandler)
	case !writes(r):
		next.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	if !deadly {
		reply(w, answer.Code, answer.Header(), answer.Body.Bytes())
		return
	}
	if err := b.controller.again(); err != nil {
		b.t.Errorf("starting again: %v", err)
	}
	b.mu.Lock()
	b.dying = false
	b.mu.Unlock()
	panic(http.ErrAbortHandler)
}

func (b *boundaries) judge(r *http.Request) (deadly, dead bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dying || !writes(r) {
		return false, b.dying
	}
	if !strings.Contains(r.URL.Path, b.namespace) && strings.Contains(r.URL.Path, "/secrets") {
		return false, false // The key of the ledger is made once in the life of an installation.
	}
	boundary := b.stage + ": " + r.Method + " " + strings.ReplaceAll(generated.ReplaceAllString(r.URL.Path, "/secrets/…"), b.namespace, "NAMESPACE")
	fresh := !b.seen[boundary]
	b.seen[boundary] = true
	b.dying = fresh && b.kills
	return b.dying, false
}

// generated are names that differ from run to run.
var generated = regexp.MustCompile(`/secrets/[^/]+`)

// left describes what there is in a namespace, without what differs from run to run.
func left(t *testing.T, namespace string, unit *kustomizev1.Kustomization) string {
	t.Helper()
	var lines []string
	for _, kind := range []schema.GroupVersionKind{
		{Version: "v1", Kind: "ConfigMap"}, {Version: "v1", Kind: "Secret"}, {Group: "apps", Version: "v1", Kind: "Deployment"},
		{Group: "faults.example.com", Version: "v1", Kind: "Widget"},
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		// Without its definition a kind has no objects.
		if err := client.IgnoreNotFound(shared.Client.List(t.Context(), list, client.InNamespace(namespace))); err != nil {
			t.Fatal(err)
		}
		for _, obj := range list.Items {
			lines = append(lines, describe(&obj, unit))
		}
	}
	slices.Sort(lines)
	// A process that dies between keeping what it is about to prune and pruning it keeps it once more.
	lines = slices.Compact(lines)
	if err := shared.Client.Get(context.WithoutCancel(t.Context()), client.ObjectKeyFromObject(unit), unit); err == nil {
		lines = append(lines, "inventory:")
		for _, e := range unit.Status.Inventory.Entries {
			lines = append(lines, "  "+e.ID+" "+e.Version)
		}
		for _, c := range unit.Status.Conditions {
			lines = append(lines, fmt.Sprintf("%s=%s %s", c.Type, c.Status, c.Reason))
		}
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), namespace, "NAMESPACE")
}

// describe leaves out what the server makes up, and the content of what was kept of pruned objects.
func describe(obj *unstructured.Unstructured, unit *kustomizev1.Kustomization) string {
	if obj.GetLabels()["capstan.dev/pruned"] == unit.Name {
		return "Secret that keeps pruned objects"
	}
	if obj.GetName() == "kube-root-ca.crt" {
		return ""
	}
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "managedFields"} {
		unstructured.RemoveNestedField(obj.Object, "metadata", field)
	}
	delete(obj.Object, "status")
	text, err := obj.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(text)
}
