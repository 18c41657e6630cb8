package snapshot_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/pkg/delivery/snapshot"
)

const soon = 20 * time.Second

// TestCollectedAfterADay runs the collector on a clock: it asks once at the start,
// then not before something has expired, then not again.
func TestCollectedAfterADay(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	server := &faulty{Client: w.Client}
	w.store = w.another(func(o *snapshot.Options) { o.Client = server })
	w.put(w.configMap("settings", "value"))

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.store.Start(ctx) }()
	g.Eventually(w.clock.HasWaiters, soon).Should(BeTrue())
	for range 23 {
		w.clock.Step(time.Hour)
	}
	g.Expect(w.secrets()).To(HaveLen(1), "a day has not passed")
	w.clock.Step(time.Hour)
	g.Eventually(w.secrets, soon).Should(BeEmpty())
	for range 48 {
		w.clock.Step(time.Hour)
	}
	stop()
	g.Expect(<-ended).To(Succeed(), "the end of the process is no error")
	g.Expect(server.lists).To(BeNumerically("<=", 2), "a list at the start, one at the end of the snapshot")
}

// TestLeftovers says that a new process collects what an earlier one left.
func TestLeftovers(t *testing.T) {
	w := newWorld(t)
	w.put(w.configMap("settings", "value"))
	w.store = w.another()
	w.collect()
	if len(w.secrets()) != 1 {
		t.Error("it is not a day old")
	}
	w.clock.Step(24 * time.Hour)
	w.collect()
	if got := w.secrets(); len(got) != 0 {
		t.Errorf("left: %d", len(got))
	}
}

func (w *world) collect() {
	w.t.Helper()
	if err := w.store.Collect(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// TestOnlySnapshotsAreCollected says what is deleted and what is not.
func TestOnlySnapshotsAreCollected(t *testing.T) {
	w := newWorld(t)
	made := w.configMap("clock", "of the server").GetCreationTimestamp().Time
	w.clock.SetTime(made)
	at := func(d time.Duration) string { return made.Add(d).UTC().Format(time.RFC3339) }
	labels := map[string]string{snapshot.LabelPruned: "apps", snapshot.LabelSnapshot: "id"}
	cases := map[string]struct {
		why           string
		kind          corev1.SecretType
		labels        map[string]string
		expires       string
		now, tomorrow bool // whether it is there after a collection
	}{
		"past":       {"its time has come", snapshot.Type, labels, at(-time.Hour), false, false},
		"this-very":  {"its time has just come", snapshot.Type, labels, at(0), false, false},
		"future":     {"its time has not come", snapshot.Type, labels, at(72 * time.Hour), true, true},
		"no-date":    {"without an end it is kept for a day", snapshot.Type, labels, "", true, false},
		"bad-date":   {"the same", snapshot.Type, labels, "tomorrow", true, false},
		"other-type": {"somebody copied the labels to a Secret that is no snapshot", corev1.SecretTypeOpaque, labels, at(-time.Hour), true, true},
		"other-kind": {"the controller of the other kind collects it", snapshot.Type, labels, at(-time.Hour), true, true},
		"no-label":   {"somebody took the label away to keep it", snapshot.Type, nil, at(-time.Hour), true, true},
	}
	for name, tc := range cases {
		secret := secretMeta(w.unit.Namespace, name)
		secret.Type, secret.Labels, secret.Annotations = tc.kind, tc.labels, map[string]string{snapshot.AnnotationExpires: tc.expires, "capstan.dev/kustomization": "apps"}
		if name == "other-kind" {
			secret.Annotations = map[string]string{snapshot.AnnotationExpires: tc.expires, "capstan.dev/helmrelease": "apps"}
		}
		if err := w.Create(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want func(name string) bool) {
		t.Helper()
		w.collect()
		for name, tc := range cases {
			err := w.Get(t.Context(), types.NamespacedName{Namespace: w.unit.Namespace, Name: name}, &corev1.Secret{})
			if client.IgnoreNotFound(err) != nil {
				t.Fatal(err)
			}
			if (err == nil) != want(name) {
				t.Errorf("%s, %s: %s: it is there: %t", when, name, tc.why, err == nil)
			}
		}
	}
	check("today", func(name string) bool { return cases[name].now })
	w.clock.Step(25 * time.Hour)
	check("tomorrow", func(name string) bool { return cases[name].tomorrow })
}

// TestPutOff says that editing the annotation keeps a snapshot for longer.
func TestPutOff(t *testing.T) {
	w := newWorld(t)
	receipt := w.put(w.configMap("settings", "value"))
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"2026-05-08T00:00:00Z"}}}`, snapshot.AnnotationExpires)
	secret := secretMeta(receipt.Namespace, receipt.Secrets[0])
	if err := w.Patch(t.Context(), secret, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
	w.clock.Step(48 * time.Hour)
	w.collect()
	if len(w.secrets()) != 1 {
		t.Error("it was collected at its first end")
	}
	w.clock.Step(8 * 24 * time.Hour)
	w.collect()
	if len(w.secrets()) != 0 {
		t.Error("it was not collected at its second end")
	}
}

// TestNotTooMany says that a Kustomization keeps its latest snapshots, and that
// another one's are not counted.
func TestNotTooMany(t *testing.T) {
	w := newWorld(t, func(o *snapshot.Options) { o.PerUnit = 2 })
	mine := w.unit
	w.unit.Name = "other"
	other := w.put(w.configMap("other", "value")).Secrets
	w.unit = mine
	var written [][]string
	for i := range 4 {
		written = append(written, w.put(w.configMap(fmt.Sprintf("c%d", i), "value")).Secrets)
		w.clock.Step(time.Minute)
	}
	want := map[string]bool{other[0]: true, written[2][0]: true, written[3][0]: true}
	got := map[string]bool{}
	for _, name := range w.names() {
		got[name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	w.store = w.another(func(o *snapshot.Options) { o.PerUnit = 1 })
	w.collect()
	if got := w.names(); len(got) != 2 {
		t.Errorf("a restart with a lower bound leaves one each: %v", got)
	}
}
