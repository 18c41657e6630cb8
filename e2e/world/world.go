package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/internal/process"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
	"github.com/capstan-gitops/capstan/pkg/testkit/webhooksink"
)

// Namespace is where Capstan is installed.
const Namespace = "flux-system"

// Options say what kind of world to start. The zero value is one with all controllers.
type Options struct {
	// Controllers to run; by default all.
	Controllers []Controller
	// Args are further arguments for a controller, after those that every world gives it.
	Args map[Controller][]string
	// Binaries are shared by worlds that run the same code; by default every world builds its own.
	Binaries *Binaries
	// Audit records every request to the API server, for Position and Since.
	Audit bool
	// Progress receives a line per thing that is built or started; by default nothing is reported.
	Progress io.Writer
}

// World is a running world. Its methods may be called from several goroutines.
type World struct {
	// Git is the server that repositories are made on.
	Git *gitserver.Server
	// Slack records what is posted to it, by path.
	Slack *webhooksink.Sink
	// Client may do everything.
	Client client.WithWatch

	cluster  *devcluster.Cluster
	dir      string
	progress io.Writer
	group    *process.Group
	warnings *warnings

	mu          sync.Mutex
	controllers map[Controller]*running
	neighbours  []*devcluster.Cluster
	// intruders are the processes that controllers started, as failures.
	intruders []error
}

// Start builds what is missing and starts a world. The context bounds the start; the world lasts until Stop.
func Start(ctx context.Context, o Options) (*World, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	o.Progress = &serial{to: o.Progress} // the cluster and the controllers are made at once
	if len(o.Controllers) == 0 {
		o.Controllers = Controllers()
	}
	w := &World{
		progress: o.Progress, group: process.NewGroup(), warnings: &warnings{}, controllers: map[Controller]*running{},
	}
	if err := w.start(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a world: %w", err), w.Stop())
	}
	return w, nil
}

func (w *World) start(ctx context.Context, o Options) error {
	root, err := devcluster.Root()
	if err != nil {
		return err
	}
	if o.Binaries == nil {
		o.Binaries = &Binaries{}
	}
	binaries, err := w.startCluster(ctx, root, o)
	if err != nil {
		return err
	}
	if err := w.startServers(); err != nil {
		return err
	}
	if w.Client, err = w.newClient(); err != nil {
		return err
	}
	if err := w.install(ctx); err != nil {
		return err
	}
	for _, c := range Controllers() { // In this order: who receives events comes first.
		if path := binaries[c]; path != "" {
			if err := w.runController(ctx, c, path, o.Args[c]); err != nil {
				return err
			}
			w.report("%s runs", c)
		}
	}
	return nil
}

// serial passes on what several goroutines write, one write at a time.
type serial struct {
	mu sync.Mutex
	to io.Writer
}

func (s *serial) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(p)
}

// startCluster starts the control plane and builds the controllers meanwhile.
func (w *World) startCluster(ctx context.Context, root string, o Options) (binaries map[Controller]string, err error) {
	w.report("building the controllers and starting a Kubernetes control plane")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	var building sync.WaitGroup
	building.Go(func() {
		if binaries, failed = o.Binaries.Build(ctx, root, o.Progress, o.Controllers...); failed != nil {
			cancel()
		}
	})
	w.cluster, err = devcluster.Start(ctx, devcluster.Options{
		Profile: devcluster.Full, Audit: o.Audit, Root: root, Progress: o.Progress,
	})
	if err != nil {
		cancel()
	}
	building.Wait()
	if failed != nil && !errors.Is(failed, context.Canceled) {
		err = failed // and not that the start was given up for it
	}
	if err != nil {
		return nil, err
	}
	w.report("Kubernetes %s serves at %s", w.cluster.Version(), w.cluster.RESTURL())
	return binaries, nil
}

// startServers starts the servers that are ours. What is written goes to the directory of the cluster, which is in memory
// where the machine offers that and does not outlive the cluster.
func (w *World) startServers() error {
	w.dir = filepath.Join(w.cluster.StateDir(), "world")
	repositories := filepath.Join(w.dir, "repositories")
	if err := os.MkdirAll(repositories, 0o700); err != nil {
		return fmt.Errorf("making room for repositories: %w", err)
	}
	var err error
	if w.Git, err = gitserver.Start(gitserver.Options{Root: repositories}); err != nil {
		return err
	}
	w.Slack, err = webhooksink.Start(webhooksink.Options{Slack: true})
	return err
}

// Cluster returns the control plane.
func (w *World) Cluster() *devcluster.Cluster { return w.cluster }

// Stop ends everything and removes what it wrote. It fails if a controller had started another process.
func (w *World) Stop() error {
	w.mu.Lock()
	for c, r := range w.controllers {
		w.inspect(c, r)
		r.process.Stop(grace)
	}
	neighbours := w.neighbours
	failures := w.intruders
	w.mu.Unlock()
	w.group.Close()
	if w.Git != nil {
		failures = append(failures, w.Git.Close())
	}
	if w.Slack != nil {
		w.Slack.Stop()
	}
	for _, cluster := range neighbours {
		failures = append(failures, cluster.Stop())
	}
	if w.cluster != nil {
		failures = append(failures, w.cluster.Stop())
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("stopping the world: %w", err)
	}
	return nil
}

func (w *World) report(format string, args ...any) {
	_, _ = fmt.Fprintf(w.progress, format+"\n", args...)
}
