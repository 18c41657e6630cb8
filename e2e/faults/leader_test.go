package faults

import (
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/capstan-gitops/capstan/e2e/steps"
)

// elected are the flags of a controller that loses its lease within seconds.
func elected() []string {
	return []string{
		"--enable-leader-election=true", "--leader-election-lease-duration=5s",
		"--leader-election-renew-deadline=4s", "--leader-election-retry-period=1s",
	}
}

// TestStoppedLeaderDoesNothingAfterwards guards against two writers: a leader that is stopped in the middle of an apply, as a machine that
// hangs stops it, and that runs on when a successor has long applied something newer, changes nothing any more.
func TestStoppedLeaderDoesNothingAfterwards(t *testing.T) {
	t.Parallel()
	s := scene(t, "leader", "maps")
	old := newController(t, "leader", elected()...)
	repository := s.Repository("state-1")
	app := repository.Sync("app", old.ours(), func(k *kustomization) { k.Spec.Wait = false })
	app.BecomesReady()
	successor := newController(t, "leader", elected()...)

	s.When("the leader is stopped in the middle of an apply")
	var once sync.Once
	stopped := make(chan struct{})
	old.follow(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, s.Namespace+"/configmaps") {
			once.Do(func() {
				old.signal(t, syscall.SIGSTOP)
				close(stopped)
			})
		}
		next.ServeHTTP(w, r)
	})
	second := repository.Commit("state-2")
	<-stopped

	s.Then("its successor applies that commit and the next one")
	app.Applies(second)
	app.Applies(repository.Commit("state-3"))
	var before []*corev1.ConfigMap
	for _, name := range []string{"a", "b", "c"} {
		cm := steps.ConfigMap(name)
		s.Becomes("is that of the third commit", steps.Arrival, cm, func() bool { return cm.Data["value"] == "3" })
		before = append(before, cm)
	}
	position := old.position()

	s.When("the old leader runs on")
	old.signal(t, syscall.SIGCONT)
	<-old.ended()
	s.Then("it ends, and has changed nothing")
	for _, c := range old.since(position, writes) {
		t.Errorf("after its lease was lost: %s %s: %d", c.Method, c.URL, c.code)
	}
	for _, cm := range before {
		now := steps.ConfigMap(cm.Name)
		s.UID(now)
		if now.ResourceVersion != cm.ResourceVersion {
			t.Errorf("ConfigMap %s was written", cm.Name)
		}
	}
	if len(successor.since(0, writes)) == 0 {
		t.Error("the successor wrote nothing; this test proves nothing")
	}
}
