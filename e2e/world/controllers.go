package world

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/internal/process"
)

const (
	// grace is how long a controller may take to end when asked to.
	grace = 15 * time.Second
	// startTimeout is how long a controller may take to be ready.
	startTimeout = 60 * time.Second
	// readyInterval is how often a controller that starts is asked whether it is ready.
	readyInterval = 50 * time.Millisecond
)

// running is a controller with all that is needed to start it again as it was.
type running struct {
	spec    process.Spec
	args    []string // those that every world gives it
	ports   ports
	process *process.Process
}

// ports are where a controller listens.
type ports struct{ metrics, health, serve, hooks int }

// runController starts a controller for the first time.
func (w *World) runController(ctx context.Context, c Controller, path string, extra []string) error {
	dir := filepath.Join(w.dir, string(c))
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o700); err != nil {
		return fmt.Errorf("making room for %s: %w", c, err)
	}
	user, groups := devcluster.ServiceAccountIdentity(Namespace, string(c))
	identity, err := w.cluster.KubeconfigFor(user, groups)
	if err != nil {
		return fmt.Errorf("issuing a certificate for %s: %w", c, err)
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, identity, 0o600); err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", c, err)
	}
	var p ports
	for _, port := range []*int{&p.metrics, &p.health, &p.serve, &p.hooks} {
		if *port, err = freePort(); err != nil {
			return err
		}
	}
	args := w.args(c, dir, p)
	r := &running{ports: p, args: args, spec: process.Spec{
		Path: path, Dir: dir, Log: w.LogFile(c),
		Args: slices.Concat(args, extra),
		Env: []string{
			"PATH=/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + filepath.Join(dir, "tmp"),
			"KUBECONFIG=" + kubeconfig, "RUNTIME_NAMESPACE=" + Namespace,
		},
	}}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.launch(ctx, c, r); err != nil {
		return err
	}
	w.controllers[c] = r
	return nil
}

// args are the arguments of the Deployment as far as they make sense for a process on loopback.
func (w *World) args(c Controller, dir string, p ports) []string {
	args := []string{
		"--watch-all-namespaces=true", "--log-level=info", "--log-encoding=json", "--enable-leader-election=false",
		"--metrics-addr=" + loopback(p.metrics), "--health-addr=" + loopback(p.health),
	}
	if c == Notification {
		return append(args, "--events-addr="+loopback(p.serve), "--receiverAddr="+loopback(p.hooks))
	}
	if n := w.controllers[Notification]; n != nil {
		args = append(args, "--events-addr=http://"+loopback(n.ports.serve)+"/")
	}
	if c == Source {
		args = append(args, "--storage-path="+filepath.Join(dir, "data"),
			"--storage-addr="+loopback(p.serve), "--storage-adv-addr="+loopback(p.serve))
	}
	return args
}

// launch starts the process and waits until it says that it is ready.
func (w *World) launch(ctx context.Context, c Controller, r *running) error {
	var err error
	if r.process, err = w.group.Start(r.spec); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %s", startTimeout))
	defer cancel()
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for !ready(ctx, r.ports.health) {
		select {
		case <-r.process.Ended():
			return fmt.Errorf("starting %s: it ended (%s); the end of its log:\n%s", c, r.process.End(), tail(r.spec.Log, 20))
		case <-ctx.Done():
			r.process.Kill()
			return fmt.Errorf("starting %s: %w; the end of its log:\n%s", c, context.Cause(ctx), tail(r.spec.Log, 20))
		case <-ticker.C:
		}
	}
	return nil
}

func ready(ctx context.Context, port int) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+loopback(port)+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// Kill ends a controller with SIGKILL. It stays down until Restart.
func (w *World) Kill(c Controller) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.controllers[c]
	if r == nil {
		return fmt.Errorf("killing %s: it does not run in this world", c)
	}
	w.inspect(c, r)
	r.process.Kill()
	return nil
}

// Restart ends a controller as Kubernetes would, unless it was killed already, and starts it again.
func (w *World) Restart(ctx context.Context, c Controller) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.controllers[c]
	if r == nil {
		return fmt.Errorf("restarting %s: it does not run in this world", c)
	}
	w.inspect(c, r)
	r.process.Stop(grace)
	return w.launch(ctx, c, r)
}

// Configure gives a controller other further arguments than Options did, from its next start on.
func (w *World) Configure(c Controller, args ...string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.controllers[c]
	if r == nil {
		return fmt.Errorf("configuring %s: it does not run in this world", c)
	}
	r.spec.Args = slices.Concat(r.args, args)
	return nil
}

// inspect notes a controller that is about to be ended if it has started a process. None ever does, whatever a
// repository or a Secret says, and Stop fails if one did.
func (w *World) inspect(c Controller, r *running) {
	select {
	case <-r.process.Ended():
		return // Nobody can tell any more.
	default:
	}
	switch started, err := r.process.StartedOthers(); {
	case err != nil:
		w.intruders = append(w.intruders, err)
	case started:
		w.intruders = append(w.intruders, fmt.Errorf("%s has started another process", c))
	}
}

// PID returns the process of a controller, for reading what it uses.
func (w *World) PID(c Controller) (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.controllers[c]
	if r == nil {
		return 0, false
	}
	return r.process.PID(), true
}

// Failed returns what is wrong with controllers that ended by themselves, or nil.
func (w *World) Failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var failures []error
	for c, r := range w.controllers {
		select {
		case <-r.process.Ended():
			failures = append(failures, fmt.Errorf("%s ended (%s); the end of its log:\n%s", c, r.process.End(), tail(r.spec.Log, 20)))
		default:
		}
	}
	return errors.Join(failures...)
}

// LogFile returns the file that a controller logs to.
func (w *World) LogFile(c Controller) string { return filepath.Join(w.dir, string(c)+".log") }

// MetricsURL returns where a controller serves its metrics.
func (w *World) MetricsURL(c Controller) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.controllers[c]; r != nil {
		return "http://" + loopback(r.ports.metrics) + "/metrics"
	}
	return ""
}

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
