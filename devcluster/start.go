package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/capstan-gitops/capstan/devcluster/internal/component"
	"github.com/capstan-gitops/capstan/devcluster/internal/pki"
	"github.com/capstan-gitops/capstan/devcluster/internal/port"
	"github.com/capstan-gitops/capstan/devcluster/internal/scratch"
	"github.com/capstan-gitops/capstan/devcluster/internal/stages"
)

// stateRoom is what a cluster may come to write: below that, memory is too tight to hold its state.
const stateRoom = 1 << 30

// Start builds what is missing, starts a control plane and returns when it is ready to be used: the API server answers,
// and a Full cluster has nodes that take pods. The context bounds the start only; the cluster runs until Stop.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("starting a cluster: %w", err)
	}
	var names []string
	for _, name := range o.components() {
		names = append(names, string(name))
	}
	binaries, err := Build(ctx, o.Root, o.Progress, names...)
	if err != nil {
		return nil, fmt.Errorf("starting a cluster: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.StartTimeout, fmt.Errorf("not ready after %s", o.StartTimeout))
	defer cancel()
	c := newCluster(o)
	c.binaries = binaries
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a cluster: %w", err), c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	if err := c.prepare(ctx); err != nil {
		return err
	}
	for _, name := range []Component{Etcd, APIServer} {
		if err := c.run(name); err != nil {
			return err
		}
	}
	api, err := c.awaitAPI(ctx)
	if err != nil {
		return err
	}
	defer api.close()
	if err := c.learnVersion(ctx, api); err != nil {
		return err
	}
	for _, name := range []Component{ControllerManager, Scheduler, Kwok} {
		if !c.options.runs(name) {
			continue
		}
		if err := c.run(name); err != nil {
			return err
		}
	}
	if err := c.awaitControllers(ctx, api); err != nil {
		return err
	}
	return c.writeState()
}

// prepare makes everything the processes read.
func (c *Cluster) prepare(ctx context.Context) error {
	var err error
	if c.dir, err = openDir(ctx, c.options); err != nil {
		return err
	}
	if err := removeState(c.dir.Path); err != nil { // A launcher that was killed left it.
		return fmt.Errorf("removing the state of an earlier cluster: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(c.dir.Path, component.LogFolder), 0o700); err != nil {
		return fmt.Errorf("making the folder for logs: %w", err)
	}
	if c.secrets, err = openSecrets(c.dir.Path); err != nil {
		return err
	}
	if c.port, err = port.Reserve(); err != nil {
		return fmt.Errorf("reserving a port for the API server: %w", err)
	}
	return c.writeFiles()
}

func openDir(ctx context.Context, o Options) (*scratch.Dir, error) {
	if o.StateDir != "" {
		return scratch.Open(o.StateDir, o.Ephemeral)
	}
	base, err := scratch.Base(scratch.Memory(stateRoom))
	if err != nil {
		return nil, err
	}
	return scratch.New(ctx, base)
}

func (c *Cluster) writeFiles() error {
	policy, err := component.AuditPolicyFile()
	if err != nil {
		return err
	}
	config, err := stages.Config()
	if err != nil {
		return err
	}
	if c.admin, err = c.ClientCert(adminUser, []string{adminGroup}); err != nil {
		return err
	}
	if c.kubeconfig, err = c.secrets.kubeconfigOf(c.RESTURL(), adminUser, pki.Pair{Cert: c.admin.Cert, Key: c.admin.Key}); err != nil {
		return err
	}
	files := []file{
		{component.AuditPolicy, policy},
		{component.KwokConfig, config},
		{kubeconfigFile, c.kubeconfig},
	}
	for name, user := range component.Users() {
		content, err := c.KubeconfigFor(user.Name, user.Groups)
		if err != nil {
			return err
		}
		files = append(files, file{component.Kubeconfig(name), content})
	}
	return writeAll(c.dir.Path, files)
}
