package apply_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/apply"
)

var (
	crds       = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	admissions = schema.GroupVersion{Group: "admissionregistration.k8s.io", Version: "v1"}
)

// install creates a configuration of admission, which goes with the test.
func (w *world) install(resource, kind string, content fields) {
	w.t.Helper()
	obj := &unstructured.Unstructured{Object: fields{
		"apiVersion": admissions.String(), "kind": kind, "metadata": fields{"name": w.ns}}}
	for key, value := range content {
		obj.Object[key] = value
	}
	client := w.client.Resource(admissions.WithResource(resource))
	if _, err := client.Create(w.t.Context(), obj, metav1.CreateOptions{}); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := client.Delete(context.Background(), w.ns, metav1.DeleteOptions{}); err != nil {
			w.t.Error(err)
		}
	})
}

// refuses waits until an object with the data a: probe is not admitted.
func (w *world) refuses(probe string) {
	w.t.Helper()
	w.eventually("admission is in force", func() bool {
		obj := &unstructured.Unstructured{Object: fields{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": fields{"name": "probe"}, "data": fields{"a": probe}}}
		_, err := w.client.Resource(configMaps).Namespace(w.ns).Create(context.Background(), obj, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil
	})
}

// selector picks the namespace of the test.
func (w *world) selector() fields {
	return fields{"matchLabels": fields{"kubernetes.io/metadata.name": w.ns}}
}

// rules pick ConfigMaps.
func rules(kind string) []any {
	return []any{fields{"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE", "UPDATE"}, "resources": []any{kind}}}
}

// denyByPolicy admits ConfigMaps for which a CEL expression holds, or that do not
// exist and are probed; message is an expression, too.
func (w *world) denyByPolicy(message, expression string) {
	w.t.Helper()
	w.install("validatingadmissionpolicies", "ValidatingAdmissionPolicy", fields{"spec": fields{
		"failurePolicy":    "Fail",
		"matchConstraints": fields{"namespaceSelector": w.selector(), "resourceRules": rules("configmaps")},
		"validations":      []any{fields{"expression": "object.data.a != 'probe' && (" + expression + ")", "messageExpression": message}},
	}})
	w.install("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", fields{"spec": fields{
		"policyName": w.ns, "validationActions": []any{"Deny"},
	}})
	w.refuses("probe")
}

// webhook starts a webhook that answers for ConfigMaps, whose own name is
// <namespace>.example.org. It does not admit an object with the data a: probe.
func (w *world) webhook(mutating bool, answer func(ctx context.Context, obj *unstructured.Unstructured) (*admissionv1.AdmissionResponse, error)) {
	w.t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		obj := &unstructured.Unstructured{}
		if err := obj.UnmarshalJSON(review.Request.Object.Raw); err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		response, err := answer(r.Context(), obj)
		if value, _, _ := unstructured.NestedString(obj.Object, "data", "a"); value == "probe" {
			response, err = &admissionv1.AdmissionResponse{}, nil
		}
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		response.UID = review.Request.UID
		review.Request, review.Response = nil, response
		_ = json.NewEncoder(rw).Encode(review)
	}))
	w.t.Cleanup(server.Close)
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	kind, resource := "ValidatingWebhookConfiguration", "validatingwebhookconfigurations"
	if mutating {
		kind, resource = "MutatingWebhookConfiguration", "mutatingwebhookconfigurations"
	}
	w.install(resource, kind, fields{"webhooks": []any{fields{
		"name": w.ns + ".example.org", "sideEffects": "None", "admissionReviewVersions": []any{"v1"}, "timeoutSeconds": int64(1),
		"failurePolicy": "Fail", "namespaceSelector": w.selector(), "rules": rules("configmaps"),
		"clientConfig": fields{"url": server.URL, "caBundle": base64.StdEncoding.EncodeToString(bundle)},
	}}})
	w.refuses("probe")
}

func denied(code int32, message string) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Result: &metav1.Status{Code: code, Reason: metav1.StatusReasonInvalid, Message: message}}
}

// TestAdmission makes sure of this: where a webhook denies one of many objects, or fails
// for it, none of its stage is applied, and the error names the webhook.
func TestAdmission(t *testing.T) {
	cases := map[string]struct {
		why    string
		answer func(ctx context.Context) (*admissionv1.AdmissionResponse, error)
		want   string
	}{
		"Denies": {"it says no", func(context.Context) (*admissionv1.AdmissionResponse, error) { return denied(422, "not here"), nil }, "denied the request: not here"},
		"Fails":  {"it answers 500", func(context.Context) (*admissionv1.AdmissionResponse, error) { return nil, errors.New("broken") }, "failed calling webhook"},
		"Slow": {"it does not answer in time", func(ctx context.Context) (*admissionv1.AdmissionResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, "failed calling webhook"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.webhook(false, func(ctx context.Context, obj *unstructured.Unstructured) (*admissionv1.AdmissionResponse, error) {
				if obj.GetName() == "bad" {
					return c.answer(ctx)
				}
				return &admissionv1.AdmissionResponse{Allowed: true}, nil
			})
			tasks := tasksOf(w.configMap("bad", "1"))
			for i := range 20 {
				tasks = append(tasks, taskOf(w.configMap("good-"+string(rune('a'+i)), "1")))
			}
			report, err := w.applier.Run(t.Context(), w.unit, tasks)
			if err == nil || !strings.HasPrefix(err.Error(), "ConfigMap/"+w.ns+"/bad dry-run failed (") || strings.Contains(err.Error(), "good") {
				t.Fatalf("%s: got %v", c.why, err)
			}
			for _, want := range []string{c.want, `webhook "` + w.ns + `.example.org"`} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: got %q, want it to say %q", c.why, err, want)
				}
			}
			if _, ok := w.data("good-a"); ok || len(report.Results) > 0 {
				t.Errorf("%s: an object of the refused stage was applied", c.why)
			}
			sensitive := taskOf(w.configMap("bad", "1"))
			sensitive.Sensitive = true
			_, err = w.applier.Run(t.Context(), w.unit, []apply.Task{sensitive})
			if err == nil || strings.Contains(err.Error(), "not here") || !strings.Contains(err.Error(), `webhook "`+w.ns+`.example.org"`) {
				t.Errorf("with secret content: got %v", err)
			}
			other := newWorld(t)
			if got := other.run(taskOf(other.configMap("x", "1"))).Results[0].Action; got != apply.Created {
				t.Errorf("another unit: %s", got)
			}
		})
	}
}

// TestPolicyDenies is TestAdmission with a policy of the cluster in place of a webhook.
func TestPolicyDenies(t *testing.T) {
	w := newWorld(t)
	w.denyByPolicy("'not here'", "object.metadata.name != 'bad'")
	_, err := w.applier.Run(t.Context(), w.unit, tasksOf(w.configMap("bad", "1"), w.configMap("good", "1")))
	if err == nil || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy '"+w.ns+"' with binding '"+w.ns+"' denied request: not here") {
		t.Errorf("got %v", err)
	}
	if _, ok := w.data("good"); ok {
		t.Error("an object of the refused stage was applied")
	}
}

// TestAdmissionMutates is TestAdmission with a webhook that changes an object: what it
// adds is no drift.
func TestAdmissionMutates(t *testing.T) {
	w := newWorld(t)
	w.webhook(true, func(_ context.Context, obj *unstructured.Unstructured) (*admissionv1.AdmissionResponse, error) {
		response := &admissionv1.AdmissionResponse{Allowed: true}
		if obj.GetName() == "x" {
			kind := admissionv1.PatchTypeJSONPatch
			response.PatchType, response.Patch = &kind, []byte(`[{"op":"add","path":"/data/injected","value":"1"}]`)
		}
		return response, nil
	})
	tasks := tasksOf(w.configMap("x", "1"), w.configMap("y", "1"))
	w.run(tasks...)
	if data, _ := w.data("x"); data["injected"] != "1" {
		t.Fatalf("got %v", data)
	}
	want := map[string]apply.Action{"ConfigMap/x": apply.Unchanged, "ConfigMap/y": apply.Unchanged}
	if diff := cmp.Diff(want, actions(w.run(tasks...))); diff != "" {
		t.Errorf("once more: %s", diff)
	}
	for i := range tasks {
		tasks[i].Verify = true
	}
	if diff := cmp.Diff(want, actions(w.run(tasks...))); diff != "" {
		t.Errorf("verified: %s", diff)
	}
}

// TestForceSpares makes sure of this: an object that may be replaced survives every
// refusal that replacing it would not overcome.
func TestForceSpares(t *testing.T) {
	conflict := func(w *world) {
		w.requests.tamper(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if r.Method != http.MethodPatch {
				return next.RoundTrip(r)
			}
			recorder := httptest.NewRecorder()
			recorder.Header().Set("Content-Type", "application/json")
			recorder.WriteHeader(http.StatusConflict)
			_, _ = recorder.WriteString(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","message":"the object has been modified","code":409}`)
			answer := recorder.Result()
			answer.Request = r
			return answer, nil
		})
	}
	webhook := func(w *world) {
		w.webhook(false, func(_ context.Context, obj *unstructured.Unstructured) (*admissionv1.AdmissionResponse, error) {
			if data, _, _ := unstructured.NestedString(obj.Object, "data", "a"); data == "2" && obj.GetName() == "x" {
				return denied(422, "not 2"), nil
			}
			return &admissionv1.AdmissionResponse{Allowed: true}, nil
		})
	}
	cases := map[string]struct {
		why   string
		setup func(w *world)
		spoil func(w *world, obj *unstructured.Unstructured)
	}{
		"Label": {"a label is not valid", nil, func(_ *world, obj *unstructured.Unstructured) { obj.SetLabels(map[string]string{"x": "not valid!"}) }},
		"Annotations": {"there is too much of it", nil, func(_ *world, obj *unstructured.Unstructured) {
			obj.SetAnnotations(map[string]string{"x": strings.Repeat("y", 300<<10)})
		}},
		"Type":     {"a field has the wrong type", nil, func(_ *world, obj *unstructured.Unstructured) { obj.Object["immutable"] = "perhaps" }},
		"Key":      {"a key is not valid", nil, func(_ *world, obj *unstructured.Unstructured) { obj.Object["data"].(fields)["/"] = "x" }},
		"Conflict": {"somebody writes all the time", conflict, nil},
		"Webhook":  {"a webhook refuses it by its name, with 422", webhook, nil},
		"Policy":   {"a policy refuses changes", func(w *world) { w.denyByPolicy("'frozen'", "request.operation != 'UPDATE'") }, nil},
		"PolicyName": {"a policy refuses it by its name, which a copy would not have", func(w *world) {
			w.denyByPolicy("'field is immutable'", "object.metadata.name != 'x' || object.data.a == '1'")
		}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.run(taskOf(w.configMap("x", "1")))
			before := w.live(configMaps, "x")
			if c.setup != nil {
				c.setup(w)
			}
			obj := w.configMap("x", "2")
			if c.spoil != nil {
				c.spoil(w, obj)
			}
			for _, known := range []bool{false, true} {
				task := taskOf(obj)
				task.Force, task.Known = true, known
				w.requests.take()
				if _, err := w.applier.Run(t.Context(), w.unit, []apply.Task{task}); err == nil {
					t.Errorf("%s: it was accepted", c.why)
				}
				if n := w.requests.take()["DELETE"]; n > 0 {
					t.Errorf("%s: %d deletions", c.why, n)
				}
			}
			w.requests.tamper(nil)
			if diff := cmp.Diff(before, w.live(configMaps, "x")); diff != "" {
				t.Errorf("%s: the live object was touched: %s", c.why, diff)
			}
		})
	}
}

// TestForceByLivePolicy replaces an object that itself allows it.
func TestForceByLivePolicy(t *testing.T) {
	w := newWorld(t)
	w.run(taskOf(w.fixed("1")))
	before := w.uid("x")
	w.edit("x", "somebody", func(obj *unstructured.Unstructured) { annotate(obj, "force", "Enabled") })
	w.run(taskOf(w.fixed("2")))
	if w.uid("x") == before {
		t.Error("it was not replaced")
	}
}
