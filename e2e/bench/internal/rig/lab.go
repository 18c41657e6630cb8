package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// Lab opens worlds.
type Lab struct {
	// Seed decides what is touched.
	Seed uint64
	// Scale is how large scenarios are.
	Scale Scale
	// Profiles is the folder for CPU profiles and logs; none are kept if it is empty.
	Profiles string
	// Progress receives a line per thing that is started.
	Progress io.Writer

	binaries world.Binaries
	opened   int
}

// Open starts a world of a setup, without units.
func (l *Lab) Open(ctx context.Context, setup Setup) (*Rig, error) {
	controllers := []world.Controller{world.Source, world.Kustomize}
	options := world.Options{Controllers: controllers, Audit: true, Progress: l.Progress, Binaries: &l.binaries}
	options.Args = map[world.Controller][]string{world.Kustomize: setup.args()}
	w, err := world.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(l.Progress, "preparing %s\n", setup.Shape)
	f, err := fleet.New(ctx, w, setup.Shape)
	if err != nil {
		return nil, errors.Join(err, w.Stop())
	}
	l.opened++
	return &Rig{
		Lab: l, World: w, Meter: meter.New(w, controllers), Fleet: f, setup: setup,
		Random: rand.New(rand.NewPCG(l.Seed, 0)),
	}, nil
}

// args are arguments of kustomize-controller.
func (s Setup) args() (args []string) {
	if s.OneAtATime {
		args = append(args, "--concurrent-ssa=1")
	}
	if s.Without != "" {
		args = append(args, "--feature-gates="+strings.ReplaceAll(s.Without, ",", "=false,")+"=false")
	}
	return args
}

// TurnOff has kustomize-controller run without these feature gates from its next start on; with none, as the world has it.
func (r *Rig) TurnOff(gates string) error {
	setup := r.setup
	if gates != "" {
		setup.Without = gates
	}
	return r.World.Configure(world.Kustomize, setup.args()...)
}

// Fits reports whether a cell can run in this world.
func (r *Rig) Fits(c Cell, setup Setup) bool {
	return r.setup == setup && !r.spent && !(c.Bare && r.used)
}

// Close stops the world.
func (r *Rig) Close() error {
	var kept error
	if r.Lab.Profiles != "" {
		kept = r.keepLogs(filepath.Join(r.Lab.Profiles, fmt.Sprintf("world-%02d", r.Lab.opened)))
	}
	return errors.Join(kept, r.World.Stop())
}

// keepLogs copies the audit log and the logs of the controllers, which end with the world.
func (r *Rig) keepLogs(folder string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fmt.Errorf("keeping logs: %w", err)
	}
	var failures []error
	for _, path := range []string{
		r.World.Cluster().AuditLog(), r.World.LogFile(world.Source), r.World.LogFile(world.Kustomize),
	} {
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
