// Command devcluster runs a Kubernetes control plane on loopback for development.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// exitUsage is what a command line that makes no sense ends with.
const exitUsage = 2

var errUsage = errors.New("see 'devcluster help'")

// command is a verb of the command line.
type command struct {
	name string
	help string
	run  func(context.Context, *console, []string) error
}

// console is where a command writes.
type console struct {
	out io.Writer
	err io.Writer
}

func commands() []command {
	return []command{
		{"up", "start a cluster and keep it until interrupted", up},
		{"down", "stop the cluster that runs in a state directory", down},
		{"status", "tell about the cluster in a state directory (-o json for programs)", status},
		{"kubeconfig", "print a client configuration, for any user and groups", kubeconfig},
		{"kubectl", "run kubectl against the cluster: devcluster kubectl -- get pods -A", kubectl},
		{"build", "build the binaries without starting anything", build},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, &console{out: os.Stdout, err: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, c *console, args []string) int {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "--help"}, args[0]) {
		usage(c.out)
		return 0
	}
	err := dispatch(ctx, c, args[0], args[1:])
	var exit exitError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, errUsage):
		_, _ = fmt.Fprintln(c.err, "devcluster:", err)
		return exitUsage
	default:
		_, _ = fmt.Fprintln(c.err, "devcluster:", err)
		return 1
	}
}

// exitError passes on the exit status of a program that has reported what is wrong by itself.
type exitError struct{ code int }

// Error says how the program ended.
func (e exitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

func dispatch(ctx context.Context, c *console, name string, args []string) error {
	var names []string
	for _, candidate := range commands() {
		if candidate.name == name {
			return candidate.run(ctx, c, args)
		}
		names = append(names, candidate.name)
	}
	return fmt.Errorf("there is no command %q, only %s: %w", name, strings.Join(names, ", "), errUsage)
}

func usage(w io.Writer) {
	var text strings.Builder
	text.WriteString("devcluster runs a Kubernetes control plane on loopback for development.\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(&text, "  %-12s%s\n", c.name, c.help)
	}
	text.WriteString("\n'devcluster COMMAND -h' lists the flags of a command.\n")
	_, _ = io.WriteString(w, text.String())
}
