package steps

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/e2e/world"
)

// Scene is where a story takes place: a namespace, a folder of test data and a channel in Slack of its own, in a world
// that others may share.
type Scene struct {
	// Namespace is the story's own.
	Namespace string

	t      *testing.T
	world  *world.World
	client client.WithWatch
	files  fs.FS
	began  time.Time
}

// NewScene sets the scene. Its files are folders, one per state of the story's repository. If the story fails, everything
// that could explain it is written to the test's output.
func NewScene(t *testing.T, w *world.World, name string, files fs.FS) *Scene {
	t.Helper()
	s := &Scene{t: t, world: w, client: w.Client, files: files, began: time.Now()}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"}}
	s.must("making a namespace", w.Client.Create(t.Context(), namespace))
	s.Namespace = namespace.Name
	t.Cleanup(s.dumpIfFailed)
	s.listen()
	return s
}

// Given says what the story starts from.
func (s *Scene) Given(what string) { s.log("given " + what) }

// When says what happens.
func (s *Scene) When(what string) { s.log("when " + what) }

// Then says what follows.
func (s *Scene) Then(what string) { s.log("then " + what) }

func (s *Scene) log(text string) {
	s.t.Helper()
	s.t.Logf("%6.2fs %s", time.Since(s.began).Seconds(), text)
}

// Kill ends a controller with SIGKILL.
func (s *Scene) Kill(c world.Controller) {
	s.t.Helper()
	s.must("killing "+string(c), s.world.Kill(c))
}

// Restart starts a controller that was killed, or ends and starts it.
func (s *Scene) Restart(c world.Controller) {
	s.t.Helper()
	s.must("restarting "+string(c), s.world.Restart(s.t.Context(), c))
}

// wait watches an object until check answers yes. What check saw last is reported if it never does.
func (s *Scene) wait(what string, patience time.Duration, obj client.Object, check func(exists bool) (done bool, seen string)) {
	s.t.Helper()
	s.log("  waiting until " + what)
	ctx, cancel := context.WithTimeoutCause(s.t.Context(), patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	seen := "nothing"
	err := world.Await(ctx, s.client, obj, func(exists bool) (done bool) {
		done, seen = check(exists)
		return done
	})
	if err != nil {
		s.t.Fatalf("waiting until %s: %v\nlast seen: %s\nlast event: %s", what, err, seen, s.lastEvent(obj.GetName()))
	}
}

// place puts an object in the scene, unless it names its namespace.
func (s *Scene) place(obj client.Object) client.Object {
	obj.SetNamespace(cmp.Or(obj.GetNamespace(), s.Namespace))
	return obj
}

func (s *Scene) must(what string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

// lastEvent returns the newest event about an object.
func (s *Scene) lastEvent(name string) string {
	var events corev1.EventList
	// The story's context may be over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), Hearing)
	defer cancel()
	if err := s.client.List(ctx, &events, client.InNamespace(s.Namespace)); err != nil {
		return err.Error()
	}
	var last corev1.Event
	for _, e := range events.Items {
		if e.InvolvedObject.Name == name && !e.LastTimestamp.Before(&last.LastTimestamp) {
			last = e
		}
	}
	if last.Name == "" {
		return "none"
	}
	return fmt.Sprintf("%s %s: %s", last.Type, last.Reason, strings.TrimSpace(last.Message))
}
