package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/capstan-gitops/capstan/devcluster"
)

func up(ctx context.Context, c *console, args []string) error {
	flags := newFlags(c, "up")
	named := stateFlag(flags)
	audit := flags.Bool("audit", false, "log every request to audit.log in the state directory")
	nodes := flags.Int("nodes", 1, "number of nodes")
	profile := flags.String("profile", string(devcluster.Full), "what to run: api-server, controllers or full")
	if err := parse(flags, args); err != nil {
		return err
	}
	dir, err := stateDir(*named)
	if err != nil {
		return err
	}
	cluster, err := devcluster.Start(ctx, devcluster.Options{
		Profile: devcluster.Profile(*profile), StateDir: dir, Ephemeral: *named == "",
		Audit: *audit, Nodes: *nodes, Progress: c.err,
	})
	if err != nil {
		return err
	}
	announce(c, cluster, *named)
	return errors.Join(cluster.Wait(ctx), cluster.Stop())
}

func announce(c *console, cluster *devcluster.Cluster, named string) {
	suffix := ""
	if named != "" {
		suffix = " -state " + named
	}
	_, _ = fmt.Fprintf(c.out, `Kubernetes %s is ready at %s
  export KUBECONFIG=%s
  devcluster kubectl%s -- get pods -A
`, cluster.Version(), cluster.RESTURL(), cluster.KubeconfigPath(), suffix)
	if log := cluster.AuditLog(); log != "" {
		_, _ = fmt.Fprintf(c.out, "  audit log: %s\n", log)
	}
	if named == "" {
		_, _ = fmt.Fprintln(c.out, "Interrupt to stop; the state is removed then.")
	} else {
		_, _ = fmt.Fprintln(c.out, "Interrupt to stop; the state is kept.")
	}
}

func build(ctx context.Context, c *console, args []string) error {
	if err := parse(newFlags(c, "build"), args); err != nil {
		return err
	}
	root, err := devcluster.Root()
	if err != nil {
		return err
	}
	folder, err := devcluster.Build(ctx, root, c.err, devcluster.Binaries()...)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(c.out, folder)
	return nil
}
