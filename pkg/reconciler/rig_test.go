package reconciler_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/status"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv)) }

const (
	interval = 10 * time.Minute
	fallback = 30 * time.Second
	patience = 20 * time.Second
)

// scope is that of a kind with nothing of its own.
type scope struct {
	reconciler.Pass
	obj *sourcev1.GitRepository
}

type (
	phase = reconciler.Phase[*scope]
	kind  = reconciler.Kind[*sourcev1.GitRepository, *scope]
)

// event is an event as a user reads it.
type event struct {
	Severity reconciler.Severity
	Reason   meta.Reason
	Message  string
}

// rig is a reconciler of GitRepositories against the real API server, with hooks
// in the client's way.
type rig struct {
	*reconciler.Reconciler[*sourcev1.GitRepository, *scope]
	direct client.WithWatch // without hooks
	clock  *clocktesting.FakeClock
	obj    *sourcev1.GitRepository

	mu            sync.Mutex
	statusPatches int
	events        []events.Event
	observed      []bool

	// beforeStatus runs before the nth status patch leaves, counted from one.
	beforeStatus func(n int) error
	// progress has something when a status patch was answered; see slow.
	progress chan struct{}
	// afterStatus runs after a status patch was answered.
	afterStatus func(n int)
	// onGet replaces what the cache answers.
	onGet func(obj *sourcev1.GitRepository) error
}

func newRig(t *testing.T, change ...func(*sourcev1.GitRepository)) *rig {
	t.Helper()
	direct, err := client.NewWithWatch(testEnv.Config(), client.Options{Scheme: newScheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	return newRigOn(t, direct, change...)
}

// newFakeRig returns a rig without an API server, for a test that has to know
// when every goroutine rests.
func newFakeRig(t *testing.T) *rig {
	t.Helper()
	return newRigOn(t, fake.NewClientBuilder().WithScheme(newScheme(t)).WithStatusSubresource(&sourcev1.GitRepository{}).Build())
}

func newScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, sourcev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return scheme
}

func newRigOn(t *testing.T, direct client.WithWatch, change ...func(*sourcev1.GitRepository)) *rig {
	t.Helper()
	r := &rig{direct: direct, clock: clocktesting.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}
	r.obj = &sourcev1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: env.Namespace(t, direct), Name: "repo"},
		Spec:       sourcev1.GitRepositorySpec{URL: "https://git.example.com/repo", Interval: "10m"},
	}
	for _, c := range change {
		c(r.obj)
	}
	if err := direct.Create(t.Context(), r.obj); err != nil {
		t.Fatal(err)
	}
	r.Reconciler = &reconciler.Reconciler[*sourcev1.GitRepository, *scope]{
		Kind:     newKind(),
		Client:   interceptor.NewClient(direct, interceptor.Funcs{Get: r.get, SubResourcePatch: r.patchStatus}),
		Live:     direct,
		Recorder: r,
		Observe: func(_ string, _ types.NamespacedName, _ time.Duration, deleted bool) {
			r.observed = append(r.observed, deleted)
		},
		Clock: r.clock, FieldOwner: "test-controller", WaitFallback: fallback,
	}
	return r
}

func newKind() kind {
	return kind{
		GVK: sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind),
		New: func() *sourcev1.GitRepository { return &sourcev1.GitRepository{} },
		Scope: func(obj *sourcev1.GitRepository, pass reconciler.Pass) *scope {
			return &scope{Pass: pass, obj: obj}
		},
		Timing: func(obj *sourcev1.GitRepository) (reconciler.Timing, error) {
			d, err := obj.Spec.Interval.Parse()
			return reconciler.Timing{Interval: d}, err
		},
	}
}

// Emit keeps the events.
func (r *rig) Emit(_ client.Object, e events.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *rig) get(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if err := c.Get(ctx, key, obj, opts...); err != nil {
		return err
	}
	if repo, ok := obj.(*sourcev1.GitRepository); ok && r.onGet != nil {
		return r.onGet(repo)
	}
	return nil
}

func (r *rig) patchStatus(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
	r.mu.Lock()
	r.statusPatches++
	n := r.statusPatches
	r.mu.Unlock()
	if r.beforeStatus != nil {
		if err := r.beforeStatus(n); err != nil {
			return err
		}
	}
	sent := (&client.SubResourcePatchOptions{}).ApplyOptions(opts)
	if sent.FieldValidation != metav1.FieldValidationIgnore {
		return errors.New("the API server is asked to read the object twice")
	}
	err := c.SubResource(sub).Patch(ctx, obj, patch, opts...)
	if r.afterStatus != nil {
		r.afterStatus(n)
	}
	return err
}

// run sets the phases of a pass.
func (r *rig) run(phases ...func(context.Context, *scope) reconciler.Outcome) {
	r.Kind.Phases = nil
	for _, p := range phases {
		r.Kind.Phases = append(r.Kind.Phases, phase{Name: "work", Run: p})
	}
}

// ends makes every pass end with the outcome.
func (r *rig) ends(out reconciler.Outcome) {
	r.run(func(context.Context, *scope) reconciler.Outcome { return out })
}

func (r *rig) try(t *testing.T) (ctrl.Result, error) {
	t.Helper()
	result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(r.obj)})
	if ordinary := result.Priority != nil && *result.Priority == 0; ordinary != (result.RequeueAfter > 0) {
		t.Errorf("an object that comes back has ordinary priority, whatever it came with: %+v", result)
	}
	result.Priority = nil
	return result, err
}

func (r *rig) pass(t *testing.T) ctrl.Result {
	t.Helper()
	result, err := r.try(t)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// now returns the object as the API server has it.
func (r *rig) now(t *testing.T) *sourcev1.GitRepository {
	t.Helper()
	obj := &sourcev1.GitRepository{}
	if err := r.direct.Get(t.Context(), client.ObjectKeyFromObject(r.obj), obj); err != nil {
		t.Fatal(err)
	}
	return obj
}

// change changes the object as a user does.
func (r *rig) change(t *testing.T, change func(*sourcev1.GitRepository)) {
	t.Helper()
	obj := r.now(t)
	patch := client.MergeFrom(obj.DeepCopy())
	change(obj)
	if err := r.direct.Patch(t.Context(), obj, patch); err != nil {
		t.Fatal(err)
	}
}

// reported returns the events since it was called last.
func (r *rig) reported() []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []event{}
	for _, e := range r.events {
		out = append(out, event{Severity: e.Severity, Reason: e.Reason, Message: e.Message})
	}
	r.events = nil
	return out
}

// written returns how many status patches were sent since it was called last.
func (r *rig) written() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.statusPatches
	r.statusPatches = 0
	return n
}

// conditions returns the conditions as "Type Status Reason", in order.
func conditions(obj *sourcev1.GitRepository) []string {
	out := []string{}
	for _, c := range obj.Status.Conditions {
		out = append(out, c.Type+" "+string(c.Status)+" "+c.Reason)
	}
	return out
}

func requested(token string) func(*sourcev1.GitRepository) {
	return func(obj *sourcev1.GitRepository) {
		metav1.SetMetaDataAnnotation(&obj.ObjectMeta, meta.AnnotationRequestedAt, token)
	}
}

// comment adds a condition as another controller does.
func comment(t *testing.T, c client.Client, obj *sourcev1.GitRepository, message string) {
	t.Helper()
	patch := client.MergeFrom(obj.DeepCopy())
	kept := []metav1.Condition{}
	for _, existing := range obj.Status.Conditions {
		if existing.Type != foreign {
			kept = append(kept, existing)
		}
	}
	obj.Status.Conditions = append(kept, metav1.Condition{
		Type: foreign, Status: metav1.ConditionTrue, Reason: "Seen", Message: message, LastTransitionTime: metav1.Unix(1, 0),
	})
	if err := c.Status().Patch(t.Context(), obj, patch); err != nil {
		t.Fatal(err)
	}
}

const foreign = "example.com/Audited"

func message(obj *sourcev1.GitRepository, conditionType string) string {
	if c := status.Find(obj.Status.Conditions, conditionType); c != nil {
		return c.Message
	}
	return ""
}
