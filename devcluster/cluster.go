package devcluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/capstan-gitops/capstan/devcluster/internal/component"
	"github.com/capstan-gitops/capstan/devcluster/internal/port"
	"github.com/capstan-gitops/capstan/devcluster/internal/proc"
	"github.com/capstan-gitops/capstan/devcluster/internal/scratch"
)

// etcdGrace is how long etcd may take to close a database that is kept.
const etcdGrace = 10 * time.Second

// Cluster is a control plane that runs. Its methods may be called from several goroutines.
type Cluster struct {
	options    Options
	dir        *scratch.Dir
	port       *port.Reservation
	secrets    *secrets
	admin      ClientCert
	kubeconfig []byte
	version    string
	spawner    *proc.Spawner
	binaries   string

	mu        sync.Mutex
	processes map[Component]*proc.Process // complete once Start has returned
	failed    chan error                  // receives why the first process ended that was not stopped
	stopping  chan struct{}
	stop      func() error
}

func newCluster(o Options) *Cluster {
	c := &Cluster{
		options:   o,
		spawner:   proc.NewSpawner(),
		processes: map[Component]*proc.Process{},
		failed:    make(chan error, 1),
		stopping:  make(chan struct{}),
	}
	c.stop = sync.OnceValue(c.shutDown)
	return c
}

// Kubeconfig returns a client configuration that may do everything.
func (c *Cluster) Kubeconfig() []byte { return c.kubeconfig }

// KubeconfigPath returns the file that holds Kubeconfig.
func (c *Cluster) KubeconfigPath() string { return filepath.Join(c.dir.Path, kubeconfigFile) }

// RESTURL returns the address of the API server.
func (c *Cluster) RESTURL() string {
	return "https://127.0.0.1:" + strconv.Itoa(c.port.Number())
}

// CA returns the authority that signed the API server's certificate, as PEM.
func (c *Cluster) CA() []byte { return c.secrets.server.Pair().Cert }

// Version returns the version that the API server reports, such as v1.36.3.
func (c *Cluster) Version() string { return c.version }

// StateDir returns the directory that holds everything the cluster writes.
func (c *Cluster) StateDir() string { return c.dir.Path }

// AuditLog returns the file of the audit log, or nothing if auditing is off.
func (c *Cluster) AuditLog() string {
	if !c.options.Audit {
		return ""
	}
	return filepath.Join(c.dir.Path, component.AuditLog)
}

// Log returns the file that a process of the cluster logs to.
func (c *Cluster) Log(name Component) string {
	return filepath.Join(c.dir.Path, component.Log(string(name)))
}

// Components returns the processes of the cluster in the order in which they were started.
func (c *Cluster) Components() []Component { return c.options.components() }

// Pause stops a process in its tracks, as a machine that hangs does, until Resume.
func (c *Cluster) Pause(name Component) error { return c.signal(name, syscall.SIGSTOP) }

// Resume lets a process run on after Pause.
func (c *Cluster) Resume(name Component) error { return c.signal(name, syscall.SIGCONT) }

func (c *Cluster) signal(name Component, signal syscall.Signal) error {
	process := c.process(name)
	if process == nil {
		return fmt.Errorf("the cluster has no %s", name)
	}
	return process.Signal(signal)
}

// RestartAPIServer kills the API server, as an upgrade of a control plane with only one does, starts it again and returns
// when it serves.
func (c *Cluster) RestartAPIServer(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.options.StartTimeout, fmt.Errorf("not ready after %s", c.options.StartTimeout))
	defer cancel()
	c.mu.Lock()
	running := c.processes[APIServer]
	delete(c.processes, APIServer) // It ends because it is to.
	c.mu.Unlock()
	if running == nil {
		return fmt.Errorf("the cluster has no %s", APIServer)
	}
	running.Kill()
	if err := c.run(APIServer); err != nil {
		return err
	}
	api, err := c.awaitAPI(ctx)
	if err != nil {
		return err
	}
	api.close()
	return c.writeState()
}

// process returns the process that runs a component, or nil.
func (c *Cluster) process(name Component) *proc.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.processes[name]
}

// Wait returns when the context ends, with nil, or when a process of the cluster ends that was not stopped, with the end
// of its log.
func (c *Cluster) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-c.stopping:
		return nil
	case err := <-c.failed:
		return err
	}
}

// Stop ends all processes and removes the state if it is ephemeral. Further calls return what the first one returned.
func (c *Cluster) Stop() error { return c.stop() }

func (c *Cluster) shutDown() error {
	close(c.stopping)
	for _, name := range []Component{Kwok, Scheduler, ControllerManager, APIServer} {
		if process := c.process(name); process != nil {
			process.Kill() // None of them holds state.
		}
	}
	if etcd := c.process(Etcd); etcd != nil && !c.options.Ephemeral {
		etcd.Terminate(etcdGrace)
	} else if etcd != nil {
		etcd.Kill()
	}
	c.spawner.Close()
	var failures []error
	if c.port != nil {
		failures = append(failures, c.port.Close())
	}
	if c.dir != nil {
		failures = append(failures, removeState(c.dir.Path), c.dir.Close())
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("stopping the cluster: %w", err)
	}
	return nil
}

// run starts a process and watches it.
func (c *Cluster) run(name Component) error {
	process, err := c.spawner.Start(proc.Spec{
		Name: string(name),
		Path: filepath.Join(c.binaries, string(name)),
		Args: component.Args(string(name), component.Config{
			Port:            c.port.Number(),
			Audit:           c.options.Audit,
			ServiceAccounts: c.options.runs(ControllerManager),
		}),
		Dir: c.dir.Path,
		// The processes read settings from the environment, too: ours must not be among them.
		Env: []string{"PATH=/usr/bin:/bin", "HOME=" + c.dir.Path, "TMPDIR=" + c.dir.Path},
		Log: c.Log(name),
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes[name] = process
	go c.watch(name, process)
	return nil
}

func (c *Cluster) watch(name Component, process *proc.Process) {
	select {
	case <-c.stopping:
	case <-process.Done():
		if c.process(name) != process {
			return
		}
		select {
		case c.failed <- process.ExitError():
		default: // The first one to end is the one that explains the others.
		}
	}
}
