package snapshot_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/delivery/snapshot"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

func pods(name string) fields {
	return fields{
		"metadata": fields{"labels": fields{"app": name}},
		"spec":     fields{"restartPolicy": "Never", "containers": []any{fields{"name": "c", "image": "example.com/c:1"}}},
	}
}

// TestRestore prunes one of each of the kinds that are hard to create again, and
// creates them from the snapshot, in its order.
func TestRestore(t *testing.T) {
	w := newWorld(t)
	deployment := pods("web")
	deployment["spec"].(fields)["restartPolicy"] = "Always"
	live := []*unstructured.Unstructured{
		w.made("batch/v1", "Job", "migrate", fields{"spec": fields{"template": pods("migrate")}}),
		w.made("apps/v1", "Deployment", "web", fields{"spec": fields{
			"selector": fields{"matchLabels": fields{"app": "web"}}, "template": deployment,
		}}),
		w.made("v1", "Service", "web", fields{"spec": fields{"ports": []any{fields{"port": int64(80)}}}}),
		w.made("v1", "PersistentVolumeClaim", "data", fields{"spec": fields{
			"accessModes": []any{"ReadWriteOnce"}, "resources": fields{"requests": fields{"storage": "1Gi"}}, "volumeName": "pv",
		}}),
		w.configMap("settings", "value"),
	}
	receipt := w.put(live...)
	want := snapshot.Receipt{
		ID: receipt.ID, Namespace: w.unit.Namespace, Secrets: w.names(), Objects: 5, Expires: w.clock.Now().Add(24 * time.Hour),
	}
	if diff := cmp.Diff(want, receipt); diff != "" {
		t.Fatalf("receipt (-want +got):\n%s", diff)
	}
	for _, obj := range live {
		if err := w.Delete(t.Context(), obj, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			t.Fatal(err)
		}
	}
	restored := w.objects(receipt)
	var kinds []string
	for _, obj := range restored {
		kinds = append(kinds, obj.GetKind())
		if obj.GetKind() == "PersistentVolumeClaim" {
			continue // its protection finalizer waits for a controller that does not run here
		}
		if err := w.Create(t.Context(), obj); err != nil {
			t.Errorf("creating %s again: %v", obj.GetKind(), err)
		}
	}
	if diff := cmp.Diff([]string{"ConfigMap", "Service", "Deployment", "PersistentVolumeClaim", "Job"}, kinds); diff != "" {
		t.Errorf("the order is that of applying (-want +got):\n%s", diff)
	}
	again := &corev1.ConfigMap{}
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(live[4]), again); err != nil || again.Data["a"] != "value" {
		t.Errorf("the ConfigMap came back as %v, %v", again.Data, err)
	}
}

func TestSnapshotFormat(t *testing.T) {
	w := newWorld(t)
	w.unit.Name = strings.Repeat("long-", 40) + "name"
	receipt := w.put(w.configMap("settings", "value"))
	secrets := w.secrets()
	if len(secrets) != 1 {
		t.Fatalf("%d Secrets", len(secrets))
	}
	got := secrets[0]
	if got.Type != snapshot.Type || got.Immutable == nil || !*got.Immutable || len(got.Data) != 1 {
		t.Errorf("type %q, immutable %v, %d fields", got.Type, got.Immutable, len(got.Data))
	}
	want := map[string]string{
		"capstan.dev/expires": "2026-05-02T12:00:00Z", "capstan.dev/kustomization": w.unit.Name,
		"capstan.dev/revision": "main@sha1:abc", "capstan.dev/objects": "1", "capstan.dev/part": "1/1",
	}
	if diff := cmp.Diff(want, got.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if label := got.Labels[snapshot.LabelPruned]; len(label) > 63 || !strings.HasPrefix(w.unit.Name, label[:50]) {
		t.Errorf("the label is %q", label)
	}
	missing := contains(receipt.String(), "until 2026-05-02T12:00:00Z: 1;", "kubectl -n "+w.unit.Namespace+" get secret -l capstan.dev/snapshot="+receipt.ID)
	if missing != "" {
		t.Errorf("the event lacks %q: %s", missing, receipt)
	}
}

// TestSecretsAreLeftOut says that a snapshot holds no Secret unless the operator
// vouches for its encryption.
func TestSecretsAreLeftOut(t *testing.T) {
	const canary = "canary-7f3a"
	encoded := base64.StdEncoding.EncodeToString([]byte(canary))
	w := newWorld(t)
	secret := w.made("v1", "Secret", "password", fields{"stringData": fields{"a": canary}})
	settings := w.configMap("settings", "value")

	receipt := w.put(secret, settings)
	text := w.text(receipt)
	if strings.Contains(text, canary) || strings.Contains(text, encoded) || !strings.Contains(text, "settings") {
		t.Errorf("the snapshot holds:\n%s", text)
	}
	if diff := cmp.Diff([]string{"Secret/" + w.unit.Namespace + "/password"}, receipt.Excluded); diff != "" || receipt.Objects != 1 {
		t.Errorf("%d objects, excluded (-want +got):\n%s", receipt.Objects, diff)
	}
	if contains(receipt.String(), "Not kept", "/password") != "" || strings.Contains(receipt.String(), canary) {
		t.Errorf("the event says: %s", receipt)
	}

	if alone := w.put(secret); alone.ID != "" || len(w.secrets()) != 1 {
		t.Errorf("nothing to keep makes no snapshot: %+v", alone)
	}

	w.store = w.another(func(o *snapshot.Options) { o.Secrets = true })
	if all := w.put(secret); len(all.Excluded) != 0 || !strings.Contains(w.text(all), encoded) {
		t.Errorf("with encryption at rest a Secret is kept: %+v", all)
	}
}

// TestSplit keeps more than one Secret can hold, one object of which alone is too
// large.
func TestSplit(t *testing.T) {
	w := newWorld(t)
	var objects []*unstructured.Unstructured
	for i, size := range []int{700 << 10, 1020 << 10, 700 << 10} {
		noise := make([]byte, size)
		if _, err := rand.Read(noise); err != nil {
			t.Fatal(err)
		}
		content := fields{"binaryData": fields{"noise": base64.StdEncoding.EncodeToString(noise)}}
		objects = append(objects, w.made("v1", "ConfigMap", fmt.Sprintf("c%d", i), content))
	}
	receipt := w.put(objects...)
	secrets := w.secrets()
	if len(secrets) < 3 || !slices.Equal(receipt.Secrets, w.names()) {
		t.Fatalf("%d Secrets, receipt %v", len(secrets), receipt.Secrets)
	}
	for i, secret := range secrets {
		if size := len(secret.Data[snapshot.Field]); size > 900<<10 {
			t.Errorf("%s holds %d bytes", secret.Name, size)
		}
		if want := fmt.Sprintf("%d/%d", i+1, len(secrets)); secret.Annotations[snapshot.AnnotationPart] != want {
			t.Errorf("part %q, want %q", secret.Annotations[snapshot.AnnotationPart], want)
		}
	}
	for i, obj := range w.objects(receipt) {
		if diff := cmp.Diff(objects[i].Object["binaryData"], obj.Object["binaryData"]); diff != "" {
			t.Errorf("%s came out different", obj.GetName())
		}
	}
}

// TestTriedAgain says that a deletion that is tried again does not pile up
// snapshots, and that what it keeps is kept for a day from the last try.
func TestTriedAgain(t *testing.T) {
	w := newWorld(t)
	obj := w.configMap("settings", "value")
	first := w.put(obj)
	w.clock.Step(30 * time.Minute)
	if again := w.put(obj); cmp.Diff(first, again) != "" {
		t.Errorf("soon after: %+v", again)
	}
	w.clock.Step(2 * time.Hour)
	again := w.put(obj)
	if again.ID != first.ID || !again.Expires.Equal(w.clock.Now().Add(24*time.Hour)) {
		t.Errorf("later: %+v", again)
	}
	secrets := w.secrets()
	if len(secrets) != 1 || secrets[0].Annotations[snapshot.AnnotationExpires] != again.Expires.Format(time.RFC3339) {
		t.Errorf("%d Secrets, annotations %v", len(secrets), secrets[0].Annotations)
	}
	w.store = w.another() // a restart
	w.clock.Step(time.Minute)
	if again := w.put(obj); !again.Expires.Equal(w.clock.Now().Add(24*time.Hour)) || len(w.secrets()) != 1 {
		t.Errorf("after a restart: %+v", again)
	}
}

// TestLeavingNamespace says that a namespace on its way out does not hold
// deletions, which would hold the namespace.
func TestLeavingNamespace(t *testing.T) {
	w := newWorld(t)
	obj := w.configMap("settings", "value")
	if err := w.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.unit.Namespace}}); err != nil {
		t.Fatal(err)
	}
	receipt := w.put(obj)
	if receipt.ID != "" || len(w.secrets()) != 0 || contains(receipt.String(), "No snapshot", w.unit.Namespace+" is being deleted") != "" {
		t.Errorf("got %+v", receipt)
	}
}

func TestNotWrittenHolds(t *testing.T) {
	w := newWorld(t)
	config, err := testEnv.ConfigFor("nobody")
	if err != nil {
		t.Fatal(err)
	}
	w.store = w.another(func(o *snapshot.Options) { o.Client = newClient(t, config) })
	_, err = w.store.Put(t.Context(), w.unit, "uid", "r", []*unstructured.Unstructured{w.configMap("settings", "canary")})
	if f := fault.Of(err); err == nil || f.Class != fault.ClassRetry || f.Reason != meta.ReasonPruneFailed {
		t.Fatalf("got %v", err)
	}
	if missing := contains(err.Error(), "held", "forbidden", "capstan.dev/snapshot=disabled"); missing != "" || strings.Contains(err.Error(), "canary") {
		t.Errorf("it lacks %q: %v", missing, err)
	}
}

// TestHalfASnapshotIsNone says that what was written of a snapshot that could not
// be finished is taken away.
func TestHalfASnapshotIsNone(t *testing.T) {
	w := newWorld(t)
	noise := make([]byte, 700<<10)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	content := fields{"binaryData": fields{"noise": base64.StdEncoding.EncodeToString(noise)}}
	objects := []*unstructured.Unstructured{w.made("v1", "ConfigMap", "a", content), w.made("v1", "ConfigMap", "b", content)}
	w.store = w.another(func(o *snapshot.Options) {
		o.Client = &faulty{Client: w.Client, create: func(n int) error {
			if n == 2 {
				return errors.New("exceeded quota")
			}
			return nil
		}}
	})
	_, err := w.store.Put(t.Context(), w.unit, "uid", "r", objects)
	if err == nil || len(w.secrets()) != 0 {
		t.Errorf("error %v, left %v", err, w.names())
	}
	if receipt := w.put(objects...); len(receipt.Secrets) != 2 {
		t.Errorf("the next try: %+v", receipt)
	}
}

func TestSwitchedOff(t *testing.T) {
	w := newWorld(t, func(o *snapshot.Options) { o.Keep = 0 })
	if r := w.put(w.configMap("settings", "value")); r.Skipped == "" || len(w.secrets()) != 0 {
		t.Errorf("got %+v", r)
	}
	unit := &metav1.ObjectMeta{Annotations: map[string]string{"capstan.dev/snapshot": "Disabled"}}
	if !snapshot.Declined(unit) || snapshot.Declined(&metav1.ObjectMeta{}) {
		t.Error("a Kustomization declines by annotation only")
	}
}
