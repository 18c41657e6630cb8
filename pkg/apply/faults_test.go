package apply_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/apply/await"
	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// loseAnswer makes the server do what it is asked, and the connection fail before
// the answer has come, for the first request of the method that is no dry-run.
func (w *world) loseAnswer(method string) *atomic.Int32 {
	lost := &atomic.Int32{}
	w.requests.tamper(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if r.Method != method || r.URL.Query().Get("dryRun") != "" || !lost.CompareAndSwap(0, 1) {
			return next.RoundTrip(r)
		}
		answer, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		return nil, io.ErrUnexpectedEOF
	})
	return lost
}

// TestLostAnswerToApply makes sure of this: what was done and whose answer was lost is neither done
// twice nor reported wrongly.
func TestLostAnswerToApply(t *testing.T) {
	cases := map[string]struct {
		why    string
		method string
		before func(w *world)
		task   func(w *world) apply.Task
		want   apply.Action
	}{
		"New":      {"an apply that creates", http.MethodPatch, nil, func(w *world) apply.Task { return taskOf(w.configMap("x", "1")) }, apply.Created},
		"Once":     {"a creation that finds its own object", http.MethodPost, nil, func(w *world) apply.Task { return taskOf(annotate(w.configMap("x", "1"), "ssa", "IfNotPresent")) }, apply.Created},
		"Changed":  {"an apply that changes", http.MethodPatch, func(w *world) { w.run(taskOf(w.configMap("x", "0"))) }, func(w *world) apply.Task { return taskOf(w.configMap("x", "1")) }, apply.Configured},
		"Same":     {"an apply that changes nothing", http.MethodPatch, func(w *world) { w.run(taskOf(w.configMap("x", "1"))) }, func(w *world) apply.Task { return taskOf(w.configMap("x", "1")) }, apply.Unchanged},
		"Around":   {"an apply with ignored fields, bound to a version", http.MethodPatch, func(w *world) { w.run(taskOf(w.configMap("x", "0"))) }, func(w *world) apply.Task { return w.around(w.configMap("x", "1"), "/data/b") }, apply.Configured},
		"Takeover": {"a takeover that was done already", http.MethodPatch, (*world).byKubectl, func(w *world) apply.Task { return taskOf(w.configMap("x", "1")) }, apply.Configured},
		"Replaced": {"a deletion on the way to a replacement", http.MethodDelete, func(w *world) { w.run(taskOf(w.fixed("0"))) }, func(w *world) apply.Task { return taskOf(annotate(w.fixed("1"), "force", "enabled")) }, apply.Configured},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.before != nil {
				c.before(w)
			}
			lost := w.loseAnswer(c.method)
			result := w.run(c.task(w)).Results[0]
			w.requests.tamper(nil)
			if lost.Load() != 1 {
				t.Fatal("no answer was lost")
			}
			if result.Action != c.want {
				t.Errorf("%s: got %s", c.why, result.Action)
			}
			obj := w.live(configMaps, "x")
			if result.UID != obj.GetUID() || result.Fingerprint != w.owner.Fingerprint(obj) {
				t.Errorf("%s: the result is not about the live object: %+v", c.why, result)
			}
			if data, _ := w.data("x"); data["a"] != "1" || data["b"] != "" {
				t.Errorf("%s: got %v", c.why, data)
			}
		})
	}
	t.Run("NotOurs", func(t *testing.T) {
		w := newWorld(t)
		stolen := false
		w.requests.tamper(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if r.Method != http.MethodPost || r.URL.Query().Get("dryRun") != "" || stolen {
				return next.RoundTrip(r)
			}
			stolen = true
			other := &unstructured.Unstructured{Object: fields{"apiVersion": "v1", "kind": "ConfigMap", "metadata": fields{"name": "x"}}}
			if _, err := w.client.Resource(configMaps).Namespace(w.ns).Create(r.Context(), other, metav1.CreateOptions{}); err != nil {
				return nil, err
			}
			return nil, io.EOF
		})
		if got := w.run(taskOf(annotate(w.configMap("x", "1"), "ssa", "IfNotPresent"))).Results[0].Action; got != apply.Skipped {
			t.Errorf("somebody else made it in the meantime: got %s", got)
		}
	})
}

// byKubectl makes an object that kubectl applied.
func (w *world) byKubectl() {
	w.t.Helper()
	w.run(taskOf(w.configMap("x", "0")))
	w.edit("x", "kubectl-edit", func(obj *unstructured.Unstructured) {
		obj.Object["data"].(fields)["b"] = "2"
		obj.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"})
	})
}

// fixed is a ConfigMap that cannot be changed.
func (w *world) fixed(value string) *unstructured.Unstructured {
	return w.object("v1", "ConfigMap", "x", fields{"immutable": true, "data": fields{"a": value}})
}

// TestLostAnswerToDelete is TestLostAnswerToApply for deletions.
func TestLostAnswerToDelete(t *testing.T) {
	cases := map[string]struct {
		why  string
		held bool
		want apply.DeleteResult
	}{
		"Gone": {"the next attempt finds nothing", false, apply.Deleted},
		"Held": {"the next attempt finds another version, which is being deleted", true, apply.Terminating},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.run(taskOf(w.configMap("x", "1")))
			if c.held {
				w.edit("x", "somebody", func(o *unstructured.Unstructured) { o.SetFinalizers([]string{"example.org/hold"}) })
			}
			lost := w.loseAnswer(http.MethodDelete)
			got, err := w.remove(t.Context(), w.unit, w.target("x"))
			if err != nil || got != c.want || lost.Load() != 1 {
				t.Errorf("%s: got %s, %v", c.why, got, err)
			}
		})
	}
	t.Run("MadeAgain", func(t *testing.T) {
		w := newWorld(t)
		w.run(taskOf(w.configMap("x", "1")))
		obj := w.live(configMaps, "x")
		again := &unstructured.Unstructured{Object: fields{"apiVersion": "v1", "kind": "ConfigMap", "metadata": fields{"name": "x"}}}
		again.SetLabels(obj.GetLabels())
		objects := w.client.Resource(configMaps).Namespace(w.ns)
		done := false
		w.requests.tamper(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if r.Method != http.MethodDelete || done {
				return next.RoundTrip(r)
			}
			done = true
			if err := objects.Delete(r.Context(), "x", metav1.DeleteOptions{}); err != nil {
				return nil, err
			}
			if _, err := objects.Create(r.Context(), again, metav1.CreateOptions{}); err != nil {
				return nil, err
			}
			return next.RoundTrip(r)
		})
		got, err := w.remove(t.Context(), w.unit, w.target("x"))
		if err != nil || got != apply.Released {
			t.Errorf("got %s, %v", got, err)
		}
		if _, left := w.data("x"); !left {
			t.Error("an object that was never decided on was deleted")
		}
	})
}

// TestUnreachable gives up after a bounded number of attempts.
func TestUnreachable(t *testing.T) {
	w := newWorld(t)
	var tried atomic.Int32
	w.requests.tamper(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if r.Method != http.MethodPatch {
			return next.RoundTrip(r)
		}
		tried.Add(1)
		return nil, errors.New("http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR")
	})
	_, err := w.applier.Run(t.Context(), w.unit, tasksOf(w.configMap("x", "1")))
	if err == nil || tried.Load() != 4 {
		t.Errorf("got %v after %d attempts", err, tried.Load())
	}
}

// TestDefinitions makes sure of this: a definition and its objects in one run, a
// definition whose names are taken, and one that is gone.
func TestDefinitions(t *testing.T) {
	w := newWorld(t)
	group := w.ns + ".example.org"
	definition := func(plural, kind string) *unstructured.Unstructured {
		obj := w.object("apiextensions.k8s.io/v1", "CustomResourceDefinition", plural+"."+group, fields{"spec": fields{
			"group": group, "scope": "Namespaced",
			"names": fields{"kind": kind, "listKind": kind + "List", "plural": plural, "singular": strings.ToLower(kind)},
			"versions": []any{fields{"name": "v1", "served": true, "storage": true, "schema": fields{
				"openAPIV3Schema": fields{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
		}})
		obj.SetNamespace("")
		return obj
	}
	thing := w.object(group+"/v1", "Thing", "one", nil)
	got := actions(w.run(tasksOf(thing, definition("things", "Thing"))...))
	if diff := cmp.Diff(map[string]apply.Action{"Thing/one": apply.Created, "CustomResourceDefinition/things." + group: apply.Created}, got); diff != "" {
		t.Error(diff)
	}
	other := w.object(group+"/v1", "Other", "one", nil)
	report, err := w.applier.Run(t.Context(), w.unit, tasksOf(other, definition("others", "Thing")))
	if err == nil || !strings.Contains(err.Error(), "CustomResourceDefinition/others."+group+" wait failed: ") || !strings.Contains(err.Error(), "is already in use") {
		t.Errorf("taken names: got %v", err)
	}
	if len(report.Results) != 1 {
		t.Errorf("taken names: got %v", actions(report))
	}
	definitions := w.client.Resource(crds)
	for _, plural := range []string{"things", "others"} {
		if err := definitions.Delete(t.Context(), plural+"."+group, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.eventually("the definition is gone", func() bool {
			_, err := definitions.Get(context.Background(), plural+"."+group, metav1.GetOptions{})
			return err != nil
		})
	}
	target := apply.Deletion{ID: inventory.IDOf(thing), Version: "v1"}
	w.eventually("an object without definition counts as gone", func() bool {
		result, err := w.remove(context.Background(), w.unit, target)
		return err == nil && result == apply.Absent
	})
	_, err = w.applier.Run(t.Context(), w.unit, tasksOf(thing))
	if err == nil || !strings.Contains(err.Error(), "Thing/"+w.ns+"/one not found: ") {
		t.Errorf("an object without definition: got %v", err)
	}
}

// TestBoundedWait makes sure of this: a stage that does not become ready ends after a
// minute, and says what was missing.
func TestBoundedWait(t *testing.T) {
	w := newWorld(t)
	clk := clocktesting.NewFakeClock(time.Unix(1_700_000_000, 0))
	w.applierWith(func(o *apply.Options) { o.Clock = clk })
	group := w.ns + ".example.org"
	definition := w.object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "slowclasses."+group, fields{"spec": fields{
		"group": group, "scope": "Namespaced",
		"names": fields{"kind": "SlowClass", "listKind": "SlowClassList", "plural": "slowclasses", "singular": "slowclass"},
		"versions": []any{fields{"name": "v1", "served": true, "storage": true, "schema": fields{
			"openAPIV3Schema": fields{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
	}})
	definition.SetNamespace("")
	class := w.object(group+"/v1", "SlowClass", "one", nil)
	w.run(tasksOf(definition, class)...)
	classes := w.client.Resource(schema.GroupVersionResource{Group: group, Version: "v1", Resource: "slowclasses"}).Namespace(w.ns)
	stuck := []byte(`{"status":{"conditions":[{"type":"Reconciling","status":"True","reason":"Stuck","message":"waiting for a disk"}]}}`)
	if _, err := classes.Patch(t.Context(), "one", "application/merge-patch+json", stuck, metav1.PatchOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	changed := w.object(group+"/v1", "SlowClass", "one", fields{"spec": fields{"a": "b"}})
	ended := make(chan error, 1)
	go func() {
		_, err := w.applier.Run(context.Background(), w.unit, tasksOf(changed, w.configMap("later", "1")))
		ended <- err
	}()
	w.eventually("the stage is awaited", clk.HasWaiters)
	clk.Step(await.Limit)
	err := <-ended
	if err == nil || !strings.HasPrefix(err.Error(), "SlowClass/"+w.ns+"/one wait failed: it was not ready after 1m0s: ") || !strings.Contains(err.Error(), "waiting for a disk") {
		t.Errorf("got %v", err)
	}
	if _, ok := w.data("later"); ok {
		t.Error("a later stage was begun")
	}
}

// TestLargeObjects makes sure of this: an object near the limits of the server is applied,
// or refused with a reason before anything of its stage is.
func TestLargeObjects(t *testing.T) {
	w := newWorld(t)
	w.definition(w.ns+".example.org", true)
	large := func(size int) *unstructured.Unstructured {
		return w.object(w.ns+".example.org/v1", "Thing", "large", fields{"spec": fields{"same": strings.Repeat("x", size)}})
	}
	if got := w.run(taskOf(large(1400 << 10))).Results[0].Action; got != apply.Created {
		t.Errorf("1.4 MiB: %s", got)
	}
	cases := map[string]struct {
		why, want string
		object    *unstructured.Unstructured
	}{
		"ConfigMap": {"a ConfigMap may have 1 MiB", "Too long", w.object("v1", "ConfigMap", "large", fields{"data": fields{"a": strings.Repeat("x", 1400<<10)}})},
		"Body":      {"no server reads that much", "more than the 3145728 that an API server reads", large(4 << 20)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := w.applier.Run(t.Context(), w.unit, tasksOf(c.object, w.configMap("good", "1")))
			if err == nil || !strings.Contains(err.Error(), "/large dry-run failed") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v", c.why, err)
			}
			if _, ok := w.data("good"); ok {
				t.Errorf("%s: an object of the refused stage was applied", c.why)
			}
		})
	}
}

// TestErrorsAreBounded makes sure of this: what a hostile object puts into an answer ends
// as one line of at most 1 KiB.
func TestErrorsAreBounded(t *testing.T) {
	w := newWorld(t)
	big := w.configMap("big", "1")
	big.SetAnnotations(map[string]string{"example.org/x": strings.Repeat("y", 300_000)})
	odd := w.configMap("a\u202eb\x1b[31m\nc", "1")
	label := w.configMap("label", "1")
	label.SetLabels(map[string]string{"x": strings.Repeat("\u2066z\n", 20_000)})
	long := w.configMap(strings.Repeat("n", 64<<10), "1")
	up := w.configMap("../secrets/x", "1")
	for i, obj := range []*unstructured.Unstructured{big, odd, label, long, up} {
		_, err := w.applier.Run(t.Context(), w.unit, tasksOf(obj))
		if err == nil {
			t.Errorf("object %d was accepted", i)
			continue
		}
		text := err.Error()
		if len(text) > refusal.MaxText || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("object %d: got %d bytes: %.200q", i, len(text), text)
		}
	}
}

// TestNamesStayInTheirPlace sends no request for a name that would lead elsewhere,
// or for none at all, which would mean every object.
func TestNamesStayInTheirPlace(t *testing.T) {
	w := newWorld(t)
	w.run(taskOf(w.configMap("x", "1")))
	w.requests.take()
	for _, id := range []inventory.ID{
		{Namespace: w.ns, Name: "", Kind: "ConfigMap"}, {Namespace: w.ns, Name: "../configmaps/x", Kind: "ConfigMap"},
		{Namespace: "..", Name: "x", Kind: "ConfigMap"}, {Namespace: "", Name: "x", Kind: "ConfigMap"},
	} {
		if got, err := w.remove(t.Context(), w.unit, apply.Deletion{ID: id, Version: "v1"}); err == nil {
			t.Errorf("%+v: got %s", id, got)
		}
	}
	if diff := cmp.Diff(map[string]int{}, w.requests.take()); diff != "" {
		t.Error(diff)
	}
}

// TestTaintedValues makes sure of this: a value from a Secret that the server refuses is
// in no error, in no form.
func TestTaintedValues(t *testing.T) {
	const canary = "canary-value-4711"
	w := newWorld(t)
	w.definition(w.ns+".example.org", true)
	container := func(content fields) *unstructured.Unstructured {
		obj := w.deployment("web", "a:1")
		spec := obj.Object["spec"].(fields)["template"].(fields)["spec"].(fields)
		for key, value := range content {
			spec["containers"].([]any)[0].(fields)[key] = value
		}
		return obj
	}
	replicas := w.deployment("web", "a:1")
	replicas.Object["spec"].(fields)["replicas"] = canary
	service := w.object("v1", "Service", "x", fields{"spec": fields{"type": canary, "ports": []any{fields{"port": int64(80)}}}})
	w.denyByPolicy("'quoted: ' + string(object.data.a)", "object.data.a != '"+canary+"'")
	cases := map[string]struct {
		why    string
		object *unstructured.Unstructured
		said   string
	}{
		"Type":   {"a text where a number has to be", replicas, "spec.replicas"},
		"Enum":   {"a value that is none of those allowed", service, "spec.type"},
		"Field":  {"a port name that is too long", container(fields{"ports": []any{fields{"name": canary + canary, "containerPort": int64(80)}}}), "ports[0].name"},
		"Policy": {"a CEL message quotes it", w.configMap("x", canary), "ValidatingAdmissionPolicy"},
		"Custom": {"a custom resource's field of the wrong type", w.object(w.ns+".example.org/v1", "Thing", "x", fields{"spec": fields{"same": []any{canary}}}), "spec.same"},
		"Label": {"a label that may not be one", func() *unstructured.Unstructured {
			obj := w.configMap("y", "1")
			obj.SetLabels(map[string]string{"x": canary + "!"})
			return obj
		}(), "metadata.labels"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			task := taskOf(c.object)
			task.Sensitive = true
			_, err := w.applier.Run(t.Context(), w.unit, []apply.Task{task})
			if err == nil || !strings.Contains(err.Error(), c.said) {
				t.Fatalf("%s: got %v, want it to name %s", c.why, err, c.said)
			}
			for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary)), strconv.Quote(canary)} {
				if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, form) {
					t.Errorf("%s: the error holds %s: %s", c.why, form, text)
				}
			}
		})
	}
}
