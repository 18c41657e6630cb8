package faults

import (
	"flag"
	"fmt"
	"net/http"
	"path"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// Faults last for seconds in CI; for a release they last as long as they do in the field:
//
//	go test ./e2e/faults -run 'TestAPIServer|TestThrottling' -outage 5m -kills 20 -throttling 10m -timeout 1h
var (
	outage     = flag.Duration("outage", 4*time.Second, "how long etcd hangs in TestAPIServerComesAndGoes")
	kills      = flag.Int("kills", 2, "how often the API server is then killed and started again")
	throttling = flag.Duration("throttling", 8*time.Second, "how long TestThrottling lets few requests through")
)

// renewal is how long a leader may be without an answer, less what it takes to notice.
const renewal = 20 * time.Second

// TestAPIServerComesAndGoes covers outages of the API server: etcd hangs and every connection to the API server is cut, and then the API server
// is killed again and again. Nothing crashes, nothing is deleted, and each time the next commit arrives.
func TestAPIServerComesAndGoes(t *testing.T) {
	s := scene(t, "outage", "maps")
	c := newController(t, "outage", "--enable-leader-election=true")
	restarts := c.kept(t)
	repository := s.Repository("state-1")
	app := repository.Sync("app", c.ours())
	app.BecomesReady()
	uid := s.UID(steps.ConfigMap("a"))

	s.When("etcd hangs and the API server refuses connections")
	t.Cleanup(func() { _ = shared.Cluster().Resume(devcluster.Etcd) })
	if err := shared.Cluster().Pause(devcluster.Etcd); err != nil {
		t.Fatal(err)
	}
	c.follow(refuse)
	c.CloseClientConnections()
	s.Pause(*outage)
	if err := shared.Cluster().Resume(devcluster.Etcd); err != nil {
		t.Fatal(err)
	}
	c.follow(pass)
	s.Then("the next commit arrives")
	app.Applies(repository.Commit(stateAfter(0)))
	for i := range *kills {
		s.When("the API server is restarted")
		if err := shared.Cluster().RestartAPIServer(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Then("the next commit arrives")
		app.Applies(repository.Commit(stateAfter(i + 1)))
	}
	// Only a leader that could not renew its lease ends, and once: what starts without an API server waits for it.
	allowed := int64(0)
	if *outage > renewal {
		allowed = 1
	}
	if n := restarts.Load(); n > allowed {
		t.Errorf("the controller ended %d times, %d are allowed", n, allowed)
	}
	for _, d := range c.since(0, func(r *http.Request) bool { return r.Method == http.MethodDelete }) {
		t.Errorf("deleted %s", d.URL)
	}
	s.IsSame(steps.ConfigMap("a"), uid)
	if err := shared.Failed(); err != nil {
		t.Error(err)
	}
}

// stateAfter returns the state of testdata that the i-th commit after the first brings.
func stateAfter(i int) string { return fmt.Sprintf("state-%d", (i+1)%3+1) }

// TestThrottling covers an overloaded API server: for a while the API server lets two requests a second through and turns the others away with
// 429 and a Retry-After, as priority and fairness does. The lease is kept, and what is committed meanwhile is applied.
func TestThrottling(t *testing.T) {
	t.Parallel()
	s := scene(t, "throttled", "maps")
	c := newController(t, "throttled", "--enable-leader-election=true")
	repository := s.Repository("state-1")
	app := repository.Sync("app", c.ours())
	app.BecomesReady()
	held, before := c.lease(t)
	var refused atomic.Int64
	const perSecond = 2
	throttle := rate.NewLimiter(perSecond, 1)
	c.follow(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Query().Get("watch") != "" || throttle.Allow() {
			next.ServeHTTP(w, r)
			return
		}
		refused.Add(1)
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	over := make(chan struct{})
	timer := time.AfterFunc(*throttling, func() { close(over) })
	defer timer.Stop()
	for i, ended := 0, false; !ended; i++ {
		app.Applies(repository.Commit(stateAfter(i)))
		select {
		case <-over:
			ended = true
		default:
		}
	}
	c.follow(pass)
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
