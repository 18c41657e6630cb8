package faults

import (
	"net/http"
	"path"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/world"
)

const (
	// outage is how long the API server is gone each time.
	outage = 4 * time.Second
	// throttling is how long most requests are turned away.
	throttling = 8 * time.Second
)

// TestAPIServerComesAndGoes is row F-3: etcd hangs, every connection to the API server is cut and no new one is accepted,
// again and again. Nothing crashes, nothing is deleted, and each time the next commit arrives.
func TestAPIServerComesAndGoes(t *testing.T) {
	s := scene(t, "outage", "maps")
	c := newController(t, "outage", "--enable-leader-election=true")
	repository := s.Repository("state-1")
	app := repository.Sync("app", c.ours())
	app.BecomesReady()
	uid := s.UID(steps.ConfigMap("a"))
	t.Cleanup(func() { _ = shared.Cluster().Resume(devcluster.Etcd) })
	for _, state := range []string{"state-2", "state-3", "state-1"} {
		s.When("etcd hangs and the API server refuses connections")
		if err := shared.Cluster().Pause(devcluster.Etcd); err != nil {
			t.Fatal(err)
		}
		c.follow(refuse)
		c.CloseClientConnections()
		s.Pause(outage)
		if err := shared.Cluster().Resume(devcluster.Etcd); err != nil {
			t.Fatal(err)
		}
		c.follow(pass)
		s.Then("the next commit arrives")
		app.Applies(repository.Commit(state))
		c.lives(t)
	}
	for _, d := range c.since(0, func(r *http.Request) bool { return r.Method == http.MethodDelete }) {
		t.Errorf("deleted %s", d.URL)
	}
	s.IsSame(steps.ConfigMap("a"), uid)
	if err := shared.Failed(); err != nil {
		t.Error(err)
	}
}

// TestThrottling is row F-4: for a while the API server turns four of five requests away with 429 and a Retry-After, as
// priority and fairness does. The lease is kept, and what is committed meanwhile is applied.
func TestThrottling(t *testing.T) {
	t.Parallel()
	s := scene(t, "throttled", "maps")
	c := newController(t, "throttled", "--enable-leader-election=true", "--leader-election-lease-duration=12s",
		"--leader-election-renew-deadline=10s", "--leader-election-retry-period=2s")
	repository := s.Repository("state-1")
	app := repository.Sync("app", c.ours())
	app.BecomesReady()
	held, before := c.lease(t)
	var asked, refused atomic.Int64
	const letThrough = 5
	c.follow(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Query().Get("watch") != "" || asked.Add(1)%letThrough == 0 {
			next.ServeHTTP(w, r)
			return
		}
		refused.Add(1)
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	over := time.AfterFunc(throttling, func() { c.follow(pass) })
	defer over.Stop()
	for _, state := range []string{"state-2", "state-3"} {
		app.Applies(repository.Commit(state))
	}
	c.lives(t)
	const least = 5
	if refused.Load() < least {
		t.Errorf("only %d requests were turned away", refused.Load())
	}
	if _, now := c.lease(t); now != before {
		t.Errorf("lease %s was held by %s and is by %s", held, before, now)
	}
}

// lease returns the lease that the controller is elected by, and who holds it.
func (c *controller) lease(t *testing.T) (name, holder string) {
	t.Helper()
	elections := c.since(0, func(r *http.Request) bool { return path.Base(path.Dir(r.URL.Path)) == "leases" })
	if len(elections) == 0 {
		t.Fatal("the controller has asked for no lease")
	}
	lease := &coordinationv1.Lease{}
	name = path.Base(elections[0].URL.Path)
	if err := shared.Client.Get(t.Context(), client.ObjectKey{Namespace: world.Namespace, Name: name}, lease); err != nil {
		t.Fatal(err)
	}
	return name, ptr.Deref(lease.Spec.HolderIdentity, "")
}
