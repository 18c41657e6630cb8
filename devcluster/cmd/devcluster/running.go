package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/capstan-gitops/capstan/devcluster"
)

const (
	downTimeout  = 30 * time.Second
	downInterval = 50 * time.Millisecond
)

func status(_ context.Context, c *console, args []string) error {
	flags := newFlags(c, "status")
	named := stateFlag(flags)
	output := flags.String("o", "text", "output `format`: text or json")
	if err := parse(flags, args); err != nil {
		return err
	}
	dir, err := stateDir(*named)
	if err != nil {
		return err
	}
	state, err := devcluster.ReadState(dir)
	if err != nil {
		return err
	}
	switch *output {
	case "json":
		encoder := json.NewEncoder(c.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(state)
	case "text":
		printState(c, state)
		return nil
	default:
		return fmt.Errorf("there is no output format %q, only text and json: %w", *output, errUsage)
	}
}

func printState(c *console, state devcluster.State) {
	switch {
	case !state.Running:
		_, _ = fmt.Fprintf(c.out, "no cluster is running in %s\n", state.StateDir)
	case !state.Ready:
		_, _ = fmt.Fprintf(c.out, "a cluster is starting in %s\n", state.StateDir)
	default:
		_, _ = fmt.Fprintf(c.out, "Kubernetes %s is ready at %s\n", state.Version, state.URL)
		for _, process := range state.Processes {
			_, _ = fmt.Fprintf(c.out, "  %-24s pid %-8d %s\n", process.Component, process.PID, process.Log)
		}
	}
}

func down(ctx context.Context, c *console, args []string) error {
	flags := newFlags(c, "down")
	named := stateFlag(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	state, err := ready(*named)
	if err != nil {
		return err
	}
	launcher, err := os.FindProcess(state.Launcher.PID)
	if err != nil {
		return fmt.Errorf("finding the launcher: %w", err)
	}
	if err := launcher.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the launcher with process id %d: %w", state.Launcher.PID, err)
	}
	if err := awaitDown(ctx, state.StateDir); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.out, "stopped the cluster in %s\n", state.StateDir)
	return nil
}

func awaitDown(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	ticker := time.NewTicker(downInterval)
	defer ticker.Stop()
	for {
		state, err := devcluster.ReadState(dir)
		if err != nil || !state.Running {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the cluster in %s to stop: %w", dir, ctx.Err())
		case <-ticker.C:
		}
	}
}

// ready returns the state of a cluster that can be used, or says how to get one.
func ready(named string) (devcluster.State, error) {
	dir, err := stateDir(named)
	if err != nil {
		return devcluster.State{}, err
	}
	state, err := devcluster.ReadState(dir)
	if err != nil {
		return devcluster.State{}, err
	}
	if !state.Ready {
		return devcluster.State{}, fmt.Errorf("%w in %s; start one with 'devcluster up'", devcluster.ErrNotRunning, state.StateDir)
	}
	return state, nil
}

func kubeconfig(_ context.Context, c *console, args []string) error {
	flags := newFlags(c, "kubeconfig")
	named := stateFlag(flags)
	user := flags.String("user", "", "issue a certificate for this `user` (default: the administrator)")
	var groups list
	flags.Var(&groups, "group", "a `group` of the user; may be given several times")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *user == "" && len(groups) > 0 {
		return fmt.Errorf("groups need a user: %w", errUsage)
	}
	state, err := ready(*named)
	if err != nil {
		return err
	}
	var content []byte
	if *user == "" {
		content, err = os.ReadFile(state.Kubeconfig)
	} else {
		content, err = devcluster.KubeconfigIn(state.StateDir, *user, groups)
	}
	if err != nil {
		return fmt.Errorf("making the client configuration: %w", err)
	}
	_, err = c.out.Write(content)
	return err
}

func kubectl(ctx context.Context, c *console, args []string) error {
	flags := newFlags(c, "kubectl")
	named := stateFlag(flags)
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	state, err := ready(*named)
	if err != nil {
		return err
	}
	root, err := devcluster.Root()
	if err != nil {
		return err
	}
	binary, err := devcluster.Binary(ctx, root, c.err, devcluster.Kubectl)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, binary, flags.Args()...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+state.Kubeconfig)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, c.out, c.err
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitError{code: max(1, exit.ExitCode())}
	}
	return err
}
