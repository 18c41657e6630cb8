package main

import (
	"flag"
	"fmt"
	"strings"

	"github.com/capstan-gitops/capstan/devcluster"
)

// list is a flag that may be given several times.
type list []string

// String returns the values as a list.
func (l *list) String() string { return strings.Join(*l, ",") }

// Set adds a value.
func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func newFlags(c *console, name string) *flag.FlagSet {
	flags := flag.NewFlagSet("devcluster "+name, flag.ContinueOnError)
	flags.SetOutput(c.err)
	return flags
}

func stateFlag(flags *flag.FlagSet) *string {
	return flags.String("state", "", "state `directory` of the cluster (default: this user's, in memory if possible)")
}

// parse reads flags; only the kubectl command takes arguments beyond them.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s takes flags only, not %q: %w", flags.Name(), flags.Arg(0), errUsage)
	}
	return nil
}

// stateDir returns the directory named, or the default one.
func stateDir(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	return devcluster.DefaultStateDir()
}
