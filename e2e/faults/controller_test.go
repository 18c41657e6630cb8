package faults

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/e2e/internal/process"
	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// shardLabel divides the units between the controllers of tests that run at the same time.
const shardLabel = "sharding.fluxcd.io/key"

// grace is how long a controller may take to end when asked to.
const grace = 15 * time.Second

// controller is kustomize-controller as a process of its own, which acts on the units of one shard.
type controller struct {
	*proxy
	shard, metrics string
	spec           process.Spec

	mu      sync.Mutex
	process *process.Process
}

// newController starts a controller for a shard. It ends with the test, which fails if it ended before.
func newController(t *testing.T, shard string, flags ...string) *controller {
	t.Helper()
	dir := t.TempDir()
	c := &controller{proxy: newProxy(t), shard: shard, metrics: freeAddress(t)}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, c.kubeconfig(t), 0o600); err != nil {
		t.Fatal(err)
	}
	c.spec = process.Spec{
		Path: shared.binary, Dir: dir, Log: filepath.Join(dir, "log"),
		Args: append([]string{
			"--watch-all-namespaces=true", "--log-level=info", "--log-encoding=json", "--health-addr=0",
			"--enable-leader-election=false", "--metrics-addr=" + c.metrics, "--watch-label-selector=" + shardLabel + "=" + shard,
		}, flags...),
		Env: []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + dir, "KUBECONFIG=" + kubeconfig, "RUNTIME_NAMESPACE=" + world.Namespace},
	}
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.process.Stop(grace)
		if t.Failed() {
			log, _ := os.ReadFile(c.spec.Log)
			t.Logf("the end of the log of %s:\n%s", shard, log[max(0, len(log)-8000):])
		}
	})
	return c
}

func (c *controller) start() (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process, err = shared.group.Start(c.spec)
	return err
}

// again kills the process and starts it as it was.
func (c *controller) again() error {
	c.mu.Lock()
	c.process.Kill()
	c.mu.Unlock()
	return c.start()
}

// kept starts the process again whenever it has ended, as a kubelet does, and counts how often.
func (c *controller) kept(t *testing.T) *atomic.Int64 {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	restarts := &atomic.Int64{}
	watching.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-c.ended():
				restarts.Add(1)
				if err := c.start(); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		watching.Wait()
	})
	return restarts
}

// signal sends a signal to the process.
func (c *controller) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := syscall.Kill(c.process.PID(), s); err != nil {
		t.Fatal(err)
	}
}

// lives fails the test if the process has ended by itself.
func (c *controller) lives(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.process.Ended():
		t.Fatalf("the controller ended: %s", c.process.End())
	default:
	}
}

// ended is closed when the process has ended.
func (c *controller) ended() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process.Ended()
}

// ours puts a Kustomization into the controller's shard.
func (c *controller) ours() steps.Setting { return steps.Labelled(shardLabel, c.shard) }

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// until asks again and again, and fails the test with what was seen last if it never becomes true.
func until(t *testing.T, what string, patience time.Duration, done func(context.Context) (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	ticker := time.NewTicker(askingInterval)
	defer ticker.Stop()
	for {
		ok, seen := done(ctx)
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waiting until %s: %v; last seen: %s", what, context.Cause(ctx), seen)
		case <-ticker.C:
		}
	}
}

// askingInterval is how often a test asks for what cannot be watched.
const askingInterval = 100 * time.Millisecond

// reply copies a recorded answer.
func reply(w http.ResponseWriter, code int, header http.Header, body []byte) {
	for key, values := range header {
		w.Header()[key] = values
	}
	w.WriteHeader(code)
	_, _ = w.Write(body)
}
