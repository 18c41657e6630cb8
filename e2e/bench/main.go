// Command bench measures the product against the targets of its engine: it starts worlds of its own, makes many units and
// prints, per scenario, times, requests, CPU and memory beside what was promised. It judges nothing: it fails only if a
// scenario cannot be completed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/cell"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	o, err := parse(os.Args[1:])
	if err == nil {
		err = act(ctx, o)
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

func act(ctx context.Context, o options) error {
	switch {
	case o.list:
		_, err := io.WriteString(os.Stdout, report.Catalogue(catalogue()))
		return err
	case len(o.readme) > 0:
		return writeReadme(o.readme)
	}
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o750); err != nil {
			return fmt.Errorf("making the folder for profiles: %w", err)
		}
	}
	b := &bench{options: o, lab: &rig.Lab{
		Seed: o.Seed, Scale: rig.Scale(o.Scale), Profiles: o.profiles, Progress: os.Stderr,
	}}
	b.result.Settings = o.Settings
	return errors.Join(b.run(ctx), b.finish())
}

// bench is one run of the program.
type bench struct {
	options options
	lab     *rig.Lab
	current *rig.Rig // nil if no world is open
	result  report.Report
}

// run runs what was chosen; a cell that cannot be completed does not keep the others from being run.
func (b *bench) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, b.close()) }()
	var failures []error
	for _, next := range b.options.plan() {
		err := b.one(ctx, next)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func (b *bench) one(ctx context.Context, next planned) error {
	if b.current != nil && !b.current.Fits(next.cell, next.setup) {
		if err := b.close(); err != nil {
			return err
		}
	}
	if b.current == nil {
		opened, err := b.lab.Open(ctx, next.setup)
		if err != nil {
			return fmt.Errorf("preparing %s: %w", next.cell.Name, err)
		}
		b.current = opened
		b.introduce()
	}
	measured, err := b.current.Run(ctx, next.cell)
	if err != nil {
		return errors.Join(err, b.close()) // The next cell must not find what this one left behind.
	}
	b.result.Cells = append(b.result.Cells, measured)
	return errors.Join(measured.Print(os.Stdout), b.write())
}

func (b *bench) introduce() {
	if b.result.Machine.CPUs == 0 {
		b.result.Machine = report.ThisMachine(b.current.World.Cluster().Version())
		b.result.Introduce(os.Stdout)
	}
}

func (b *bench) close() error {
	if b.current == nil {
		return nil
	}
	closing := b.current
	b.current = nil
	return closing.Close()
}

// write keeps what has been measured so far.
func (b *bench) write() error {
	if b.options.json == "" {
		return nil
	}
	return b.result.WriteJSON(b.options.json)
}

func (b *bench) finish() error {
	var failed error
	if growth, ok := cell.Growth(b.result.Cells); ok {
		b.result.Cells = append(b.result.Cells, growth)
		failed = growth.Print(os.Stdout)
	}
	_, _ = fmt.Fprintln(os.Stdout)
	b.result.Missed(os.Stdout)
	return errors.Join(failed, b.write())
}
