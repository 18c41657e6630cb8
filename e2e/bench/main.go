// Command bench measures the product against the targets of its engine: it starts a world of its own, makes many units and
// prints, per scenario, times, requests, CPU and memory beside what was promised. It judges nothing: it fails only if a
// scenario cannot be completed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/cell"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/world"
)

type options struct {
	report.Settings
	cells    []cell.Cell
	json     string
	profiles string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, o)
	}
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	all := cell.All()
	names := make([]string, 0, len(all))
	for _, c := range all {
		names = append(names, c.Name)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.Units, "k", 300, "number of units")
	flags.IntVar(&o.Objects, "n", 4, "number of objects per unit")
	flags.Uint64Var(&o.Seed, "seed", 1, "decides which units are touched")
	chosen := flags.String("cells", strings.Join(names, ","), "the cells to run")
	flags.StringVar(&o.json, "json", "", "a file to write the report to")
	flags.StringVar(&o.profiles, "profile", "", "a folder for CPU and heap profiles of every step, which cost some CPU, and for the audit log and the controllers' logs")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for name := range strings.SplitSeq(*chosen, ",") {
		i := slices.Index(names, name)
		if i < 0 {
			return o, fmt.Errorf("reading -cells: there is no cell %q; there are %s", name, strings.Join(names, ", "))
		}
		o.cells = append(o.cells, all[i])
	}
	if o.Units < 1 || o.Objects < 1 {
		return o, errors.New("reading -k and -n: there must be at least one of each")
	}
	return o, nil
}

func run(ctx context.Context, o options) (err error) {
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o750); err != nil {
			return fmt.Errorf("making the folder for profiles: %w", err)
		}
	}
	controllers := []world.Controller{world.Source, world.Kustomize}
	w, err := world.Start(ctx, world.Options{Controllers: controllers, Audit: true, Progress: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	units, err := fleet.New(ctx, w, o.Units, o.Objects)
	if err != nil {
		return err
	}
	b := &cell.Bench{
		World: w, Meter: meter.New(w, controllers), Fleet: units,
		Random: rand.New(rand.NewPCG(o.Seed, 0)), Profiles: o.profiles,
	}
	err = measure(ctx, o, b)
	if o.profiles != "" {
		err = errors.Join(err, keepLogs(w, controllers, o.profiles))
	}
	return err
}

// keepLogs copies the audit log and the logs of the controllers, which end with the world.
func keepLogs(w *world.World, controllers []world.Controller, folder string) error {
	paths := []string{w.Cluster().AuditLog()}
	for _, c := range controllers {
		paths = append(paths, w.LogFile(c))
	}
	var failures []error
	for _, path := range paths {
		failures = append(failures, copyFile(path, filepath.Join(folder, filepath.Base(path))))
	}
	return errors.Join(failures...)
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("keeping a log: %w", err)
	}
	defer func() { _ = source.Close() }()
	target, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("keeping a log: %w", err)
	}
	_, err = io.Copy(target, source)
	if err := errors.Join(err, target.Close()); err != nil {
		return fmt.Errorf("keeping a log: %w", err)
	}
	return nil
}

// measure runs the cells; one that cannot be completed does not keep the others from being run.
func measure(ctx context.Context, o options, b *cell.Bench) error {
	result := report.Report{Machine: report.ThisMachine(b.World.Cluster().Version()), Settings: o.Settings}
	result.Introduce(os.Stdout)
	var failures []error
	for _, c := range o.cells {
		measured, err := b.Run(ctx, c)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
			failures = append(failures, err)
			continue
		}
		if err := measured.Print(os.Stdout); err != nil {
			return err
		}
		result.Cells = append(result.Cells, measured)
	}
	_, _ = fmt.Fprintln(os.Stdout)
	result.Missed(os.Stdout)
	if o.json != "" {
		failures = append(failures, result.WriteJSON(o.json))
	}
	return errors.Join(failures...)
}
