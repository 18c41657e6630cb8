package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/config"
	"github.com/capstan-gitops/capstan/notification-controller/internal/outbox"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/services"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
	"github.com/capstan-gitops/capstan/pkg/testkit/webhooksink"
)

const patience = 30 * time.Second

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv)) }

// world is a namespace with a sink, and the address the binary listens at.
type world struct {
	client    client.Client
	namespace string
	sink      *webhooksink.Sink
	address   string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range Binary(&config.Config{}).AddToScheme {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(testEnv.Config(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	sink, err := webhooksink.Start(webhooksink.Options{Slack: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Stop)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return &world{client: c, namespace: env.Namespace(t, c), sink: sink, address: listener.Addr().String()}
}

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.namespace, Name: name}
}

func (w *world) create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, o := range objects {
		if err := w.client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

// pair makes a Provider with a Secret and an Alert about the Kustomization of the
// same name, and returns when the binary can see them.
func (w *world) pair(t *testing.T, name string, change func(*notificationv1.Provider, *corev1.Secret)) *notificationv1.Alert {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: w.meta(name), StringData: map[string]string{"address": w.sink.URL() + "/" + name, "token": "canary-token"}}
	p := &notificationv1.Provider{ObjectMeta: w.meta(name)}
	p.Spec.Type, p.Spec.Channel, p.Spec.SecretRef = notificationv1.SlackProvider, name, &meta.LocalObjectReference{Name: name}
	if change != nil {
		change(p, secret)
	}
	a := &notificationv1.Alert{ObjectMeta: w.meta(name)}
	a.Spec.ProviderRef.Name = name
	a.Spec.EventSources = []notificationv1.CrossNamespaceObjectReference{{Kind: "Kustomization", Name: name}}
	if secret.Name != "" {
		w.create(t, secret)
	}
	w.create(t, a, p)
	return a
}

func (w *world) event(name, message string) eventv1.Event {
	return eventv1.Event{
		InvolvedObject: corev1.ObjectReference{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Name: name, Namespace: w.namespace},
		Severity:       eventv1.SeverityError, Reason: "BuildFailed", Message: message, Timestamp: metav1.Now(),
		Metadata:            map[string]string{"kustomize.toolkit.fluxcd.io/revision": "main@sha1:1"},
		ReportingController: "kustomize-controller",
	}
}

func (w *world) post(t *testing.T, e eventv1.Event) int {
	t.Helper()
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.address+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

// eventually polls the API server; what arrives at the sink is waited for by
// WaitFor instead.
func eventually(t *testing.T, what string, done func(ctx context.Context) (bool, error)) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true, done)
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

// heard waits for n messages in a channel and returns them.
func (w *world) heard(t *testing.T, channel string, n int) []webhooksink.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := w.sink.WaitFor(ctx, func([]webhooksink.Request) bool { return len(w.channel(channel)) >= n })
	if err != nil {
		t.Fatalf("%s: %v", channel, err)
	}
	return w.channel(channel)
}

func (w *world) channel(name string) []webhooksink.Message {
	var out []webhooksink.Message
	for _, r := range w.sink.Accepted() {
		if m, err := r.Message(); err == nil && m.Channel == name {
			out = append(out, m)
		}
	}
	return out
}

// warned waits for a Warning on an Alert and returns its text.
func (w *world) warned(t *testing.T, alert string, reason meta.Reason) string {
	t.Helper()
	text := ""
	eventually(t, alert+" is warned with "+string(reason), func(context.Context) (bool, error) {
		found := w.warnings(t, alert, reason)
		if len(found) > 0 {
			text = found[0].Message
		}
		return len(found) > 0, nil
	})
	return text
}

// storeUnsent does what a process does that is killed between accepting an event
// and sending it.
func (w *world) storeUnsent(t *testing.T, dir string, e eventv1.Event) {
	t.Helper()
	box, err := outbox.Open(outbox.Options{Dir: dir, Clock: clock.RealClock{}, Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	g := &gatherer{cached: w.client, live: w.client, services: services.New(egress.Guard{}, clock.RealClock{})}
	a := &acceptor{gather: g.gather, box: box, reporter: &reporter{recorder: events.Discard{}, log: logr.Discard()}}
	if err := a.accept(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if got := box.Stats().Pending; got != 1 {
		t.Fatalf("%d deliveries are stored, want 1", got)
	}
	if err := box.Close(); err != nil {
		t.Fatal(err)
	}
}

// run runs the binary until the test ends.
func (w *world) run(t *testing.T, dir string) {
	t.Helper()
	cfg, err := config.Parse([]string{
		"--events-addr=" + w.address, "--metrics-addr=0", "--health-addr=0", "--outbox-path=" + dir, "--log-level=error",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- app.RunOn(ctx, testEnv.Config(), Binary(cfg)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the binary ended with %v", err)
		}
	})
}

// TestNotification runs the binary once, against the API server: a process can
// have one of it.
func TestNotification(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	w.pair(t, "before", nil)
	w.pair(t, "slack", nil)
	w.pair(t, "echo", nil)
	w.pair(t, "late", func(_ *notificationv1.Provider, s *corev1.Secret) { s.Name = "" })
	w.pair(t, "teams", func(p *notificationv1.Provider, _ *corev1.Secret) {
		p.Spec.Type = notificationv1.MSTeamsProvider
	})
	w.storeUnsent(t, dir, w.event("before", "stored by a former process"))
	w.run(t, dir)
	t.Run("NothingIsLostInARestart", func(t *testing.T) {
		if got := w.heard(t, "before", 1); len(got) != 1 || got[0].Text != "stored by a former process" {
			t.Errorf("heard %+v", got)
		}
	})
	t.Run("OneMessage", func(t *testing.T) { testOneMessage(t, w) })
	t.Run("TypeThatIsNotActedOn", func(t *testing.T) {
		if got := w.post(t, w.event("teams", "it broke")); got != http.StatusAccepted {
			t.Errorf("answered %d, want 202 whatever became of it", got)
		}
		if text := w.warned(t, "teams", meta.ReasonFieldNotSupported); !strings.Contains(text, "msteams") {
			t.Errorf("the warning does not name the type: %s", text)
		}
	})
	t.Run("RefusedByTheService", func(t *testing.T) { testRefused(t, w) })
	t.Run("SecretThatComesLate", func(t *testing.T) { testLateSecret(t, w) })
	t.Run("Labels", func(t *testing.T) { testLabels(t, w) })
	t.Run("Finalizers", func(t *testing.T) { testFinalizers(t, w) })
	t.Run("Receiver", func(t *testing.T) { testReceiver(t, w) })
}

func testOneMessage(t *testing.T, w *world) {
	e := w.event("slack", "kustomize build failed: <no> such file")
	if got := w.post(t, e); got != http.StatusAccepted {
		t.Fatalf("answered %d", got)
	}
	e.Timestamp = metav1.NewTime(e.Timestamp.Add(time.Second))
	if got := w.post(t, e); got != http.StatusTooManyRequests {
		t.Errorf("a duplicate was answered with %d", got)
	}
	// A second event behind them proves that no copy is on its way before it.
	recovered := w.event("slack", "Applied revision: main@sha1:2")
	recovered.Severity = eventv1.SeverityInfo
	if got := w.post(t, recovered); got != http.StatusAccepted {
		t.Fatalf("answered %d", got)
	}
	got := w.heard(t, "slack", 2)
	if len(got) != 2 || got[0].Text != "kustomize build failed: &lt;no&gt; such file" || got[0].Color != "danger" || got[1].Color != "good" {
		t.Fatalf("heard %+v", got)
	}
	if got[0].Fields["revision"] != "main@sha1:1" || got[0].Author != "kustomization/slack."+w.namespace {
		t.Errorf("heard %+v", got[0])
	}
}

func testRefused(t *testing.T, w *world) {
	w.sink.Script(webhooksink.Fault{Status: http.StatusForbidden, EchoRequest: true})
	if got := w.post(t, w.event("echo", "it broke")); got != http.StatusAccepted {
		t.Fatalf("answered %d", got)
	}
	text := w.warned(t, "echo", meta.ReasonNotificationDispatchFailed)
	if !strings.Contains(text, "403 Forbidden") || !strings.Contains(text, "giving up") || strings.Contains(text, "canary") {
		t.Errorf("the warning reads %q", text)
	}
}

// testLateSecret: what could not be sent for want of a Secret is sent when there
// is one.
func testLateSecret(t *testing.T, w *world) {
	if got := w.post(t, w.event("late", "it broke")); got != http.StatusAccepted {
		t.Fatalf("answered %d", got)
	}
	w.create(t, &corev1.Secret{ObjectMeta: w.meta("late"), StringData: map[string]string{"address": w.sink.URL()}})
	if got := w.heard(t, "late", 1); len(got) != 1 {
		t.Errorf("heard %+v", got)
	}
}

func testLabels(t *testing.T, w *world) {
	a := w.pair(t, "labels", nil)
	w.await(t, a)
	a.Spec.EventSources[0].Name, a.Spec.EventSources[0].MatchLabels = "*", map[string]string{"tier": "web"}
	if err := w.client.Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	// The object does not exist, so its labels cannot be read.
	eventually(t, "the alert sees the selector", func(context.Context) (bool, error) {
		e := w.event("nobody", "it broke at "+time.Now().String())
		return w.post(t, e) == http.StatusAccepted && len(w.warnings(t, "labels", meta.ReasonSourceFetchFailed)) > 0, nil
	})
	if got := w.channel("labels"); len(got) != 0 {
		t.Errorf("an object without labels matched: %+v", got)
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Kind: "Kustomization"})
	object.SetNamespace(w.namespace)
	object.SetName("labelled")
	object.SetLabels(map[string]string{"tier": "web"})
	object.Object["spec"] = map[string]any{
		"interval": "1h", "prune": true, "sourceRef": map[string]any{"kind": "GitRepository", "name": "app"},
	}
	w.create(t, object)
	if got := w.post(t, w.event("labelled", "it broke")); got != http.StatusAccepted {
		t.Fatalf("answered %d", got)
	}
	if got := w.heard(t, "labels", 1); len(got) != 1 {
		t.Errorf("heard %+v", got)
	}
}

func (w *world) warnings(t *testing.T, alert string, reason meta.Reason) []corev1.Event {
	t.Helper()
	var list corev1.EventList
	if err := w.client.List(t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(e corev1.Event) bool {
		return e.InvolvedObject.Kind != "Alert" || e.InvolvedObject.Name != alert || e.Reason != string(reason) || e.Type != corev1.EventTypeWarning
	})
}

// await returns when the Provider of an Alert has been reconciled.
func (w *world) await(t *testing.T, a *notificationv1.Alert) {
	t.Helper()
	eventually(t, "the Provider has its finalizer", func(ctx context.Context) (bool, error) {
		var p notificationv1.Provider
		err := w.client.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: a.Spec.ProviderRef.Name}, &p)
		return slices.Contains(p.Finalizers, meta.Finalizer), err
	})
}

func testFinalizers(t *testing.T, w *world) {
	old := &notificationv1.Alert{ObjectMeta: w.meta("old")}
	old.Finalizers = []string{meta.Finalizer}
	old.Spec.ProviderRef.Name = "slack"
	old.Spec.EventSources = []notificationv1.CrossNamespaceObjectReference{{Kind: "Kustomization", Name: "*"}}
	w.create(t, old)
	eventually(t, "the Alert has lost its finalizer", func(ctx context.Context) (bool, error) {
		err := w.client.Get(ctx, client.ObjectKeyFromObject(old), old)
		return len(old.Finalizers) == 0, err
	})
	a := w.pair(t, "gone", nil)
	w.await(t, a)
	p := &notificationv1.Provider{ObjectMeta: w.meta("gone")}
	if err := w.client.Delete(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Provider is gone", func(ctx context.Context) (bool, error) {
		err := w.client.Get(ctx, client.ObjectKeyFromObject(p), p)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}

func testReceiver(t *testing.T, w *world) {
	r := &notificationv1.Receiver{ObjectMeta: w.meta("hook")}
	r.Spec.Type, r.Spec.SecretRef = notificationv1.GenericReceiver, &meta.LocalObjectReference{Name: "slack"}
	r.Spec.Resources = []notificationv1.ReceiverResource{{CrossNamespaceObjectReference: notificationv1.CrossNamespaceObjectReference{Kind: "GitRepository", Name: "app"}}}
	w.create(t, r)
	eventually(t, "the Receiver is refused", func(ctx context.Context) (bool, error) {
		err := w.client.Get(ctx, client.ObjectKeyFromObject(r), r)
		return r.Status.ObservedGeneration == r.Generation, err
	})
	for _, c := range r.Status.Conditions {
		want := metav1.ConditionFalse
		if c.Type == meta.ConditionStalled {
			want = metav1.ConditionTrue
		}
		if c.Status != want || c.Reason != string(meta.ReasonFieldNotSupported) || c.Message == "" {
			t.Errorf("condition %+v", c)
		}
	}
	if len(r.Status.Conditions) != 2 {
		t.Errorf("%d conditions, want Ready and Stalled", len(r.Status.Conditions))
	}
}
