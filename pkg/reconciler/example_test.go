package reconciler_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// mirror is the scope of the example: the object, and what its phases find out.
type mirror struct {
	reconciler.Pass
	repo     *sourcev1.GitRepository
	revision string
}

// printed shows the events.
type printed struct{}

func (printed) Emit(_ client.Object, e events.Event) { fmt.Println("event:", e.Reason, e.Message) }

// mirrors is a kind with two phases. The first asks a server for the revision, the
// second stores it. No phase writes a condition: the outcome says enough.
func mirrors(ask func() (string, error)) reconciler.Kind[*sourcev1.GitRepository, *mirror] {
	return reconciler.Kind[*sourcev1.GitRepository, *mirror]{
		GVK: sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind),
		New: func() *sourcev1.GitRepository { return &sourcev1.GitRepository{} },
		Scope: func(repo *sourcev1.GitRepository, pass reconciler.Pass) *mirror {
			return &mirror{Pass: pass, repo: repo}
		},
		Timing: func(repo *sourcev1.GitRepository) (reconciler.Timing, error) {
			interval, err := repo.Spec.Interval.Parse()
			return reconciler.Timing{Interval: interval}, err
		},
		Phases: []reconciler.Phase[*mirror]{
			{Name: "resolve", Run: func(_ context.Context, s *mirror) reconciler.Outcome {
				var err error
				if s.revision, err = ask(); err != nil {
					return reconciler.Fail(fault.Retry(meta.ReasonGitOperationFailed, err))
				}
				return reconciler.Continue()
			}},
			{Name: "store", Run: func(_ context.Context, s *mirror) reconciler.Outcome {
				s.Changed = true
				return reconciler.Done(meta.ReasonSucceeded, "stored revision "+s.revision)
			}},
		},
	}
}

// A kind says what its phases do. The skeleton writes the status, sends the events
// and decides when the object is reconciled again.
func Example() {
	scheme := runtime.NewScheme()
	if err := sourcev1.AddToScheme(scheme); err != nil {
		fmt.Println(err)
		return
	}
	repo := &sourcev1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "shop"},
		Spec:       sourcev1.GitRepositorySpec{URL: "https://git.example.com/shop", Interval: "10m"},
	}
	cluster := fake.NewClientBuilder().WithScheme(scheme).WithObjects(repo).WithStatusSubresource(repo).Build()
	down := true
	r := &reconciler.Reconciler[*sourcev1.GitRepository, *mirror]{
		Kind: mirrors(func() (string, error) {
			if down {
				return "", errors.New("the server is down")
			}
			return "main@sha1:4f3c", nil
		}),
		Client: cluster, Live: cluster, Recorder: printed{},
		Clock: clock.RealClock{}, FieldOwner: "example-controller", WaitFallback: 30 * time.Second,
	}

	ctx, key := context.Background(), client.ObjectKeyFromObject(repo)
	pass := func() {
		result, err := r.Reconcile(ctx, ctrl.Request{NamespacedName: key})
		fmt.Printf("requeue after: %v, error: %v\n", result.RequeueAfter, err)
		if err := cluster.Get(ctx, key, repo); err != nil {
			fmt.Println(err)
			return
		}
		for _, c := range repo.Status.Conditions {
			fmt.Println("condition:", c.Type, c.Status, c.Reason)
		}
	}
	pass() // the error leaves the time of the next pass to the back-off of the work queue
	down = false
	pass()
	// Output:
	// event: GitOperationFailed the server is down
	// requeue after: 0s, error: the server is down
	// condition: Reconciling True ProgressingWithRetry
	// condition: Ready False GitOperationFailed
	// event: Succeeded stored revision main@sha1:4f3c
	// requeue after: 10m0s, error: <nil>
	// condition: Ready True Succeeded
}
