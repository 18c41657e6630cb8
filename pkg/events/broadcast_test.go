package events

import (
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

// written is a request of the sink.
type written struct {
	Verb, Action, Message string
	Annotations           map[string]string
}

// sink hands out what would be sent to the API server.
type sink chan written

func (s sink) Create(e *corev1.Event) (*corev1.Event, error) {
	s <- written{"create", e.Action, e.Message, e.Annotations}
	return e, nil
}

func (s sink) Update(e *corev1.Event) (*corev1.Event, error) {
	s <- written{"update", e.Action, e.Message, e.Annotations}
	return e, nil
}

func (s sink) Patch(e *corev1.Event, patch []byte) (*corev1.Event, error) {
	s <- written{"patch", "", string(patch), nil}
	return e, nil
}

func (s sink) next(t *testing.T) written {
	t.Helper()
	select {
	case w := <-s:
		return w
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was written")
		return written{}
	}
}

// TestActionReachesItsField sends events the whole way to the API server's door:
// through the recorder, and client-go's broadcaster with its own aggregation.
func TestActionReachesItsField(t *testing.T) {
	cases := map[string]struct {
		why  string
		obj  map[string]string // annotations of the object
		send Event
		want written
	}{
		"Action": {"the step is in its field, and in nothing else", nil,
			Event{Action: meta.ActionReconcileArtifact, Message: "stored", Metadata: map[string]string{"revision": "main"}},
			written{"create", "ReconcileArtifact", "stored", map[string]string{"source.toolkit.fluxcd.io/revision": "main"}}},
		"Alone": {"an event without metadata has an action, too", nil,
			Event{Action: meta.ActionReconcile, Message: "ok"}, written{"create", "Reconcile", "ok", map[string]string{}}},
		"None": {"a controller may name none", nil,
			Event{Message: "ok"}, written{"create", "", "ok", map[string]string{}}},
		"Forged": {"an annotation of the object sets no action: only those of events are copied", map[string]string{carryAction: "Prune"},
			Event{Message: "ok"}, written{"create", "", "ok", map[string]string{}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := make(sink, 10)
			recorder, stop := broadcast(s, "source-controller", logr.Discard())
			defer stop()
			obj := &sourcev1.GitRepository{}
			obj.Namespace, obj.Name, obj.Annotations = "apps", "repo", tc.obj
			tc.send.GVK, tc.send.Reason = sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind), meta.ReasonNewArtifact
			r := &Recorder{Kubernetes: recorder, Now: time.Now}
			r.Emit(obj, tc.send)
			if diff := cmp.Diff(tc.want, s.next(t)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			r.Emit(obj, tc.send)
			if again := s.next(t); again.Verb != "patch" || strings.Contains(again.Message, "action") || !strings.Contains(again.Message, `"count":2`) {
				t.Errorf("the same again is counted, by one request that names no action: %+v", again)
			}
		})
	}
}

// TestActionIsNotPosted: the payload for notification-controller has no field for it.
func TestActionIsNotPosted(t *testing.T) {
	spool := NewSpool("http://nowhere.invalid", nil, nil, logr.Discard(), nil)
	recorder, stop := broadcast(make(sink, 10), "source-controller", logr.Discard())
	defer stop()
	obj := &sourcev1.GitRepository{}
	obj.Namespace, obj.Name = "apps", "repo"
	r := &Recorder{Kubernetes: recorder, Spool: spool, Now: time.Now}
	r.Emit(obj, Event{GVK: sourcev1.GroupVersion.WithKind("GitRepository"), Action: meta.ActionReconcile, Metadata: map[string]string{"revision": "main"}})
	posted, ok := spool.next()
	if diff := cmp.Diff(map[string]string{"source.toolkit.fluxcd.io/revision": "main"}, posted.Metadata); diff != "" || !ok {
		t.Errorf("the metadata carries the action (-want +got):\n%s", diff)
	}
}
