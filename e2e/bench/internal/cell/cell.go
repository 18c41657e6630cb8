// Package cell has a scenario per file, all of the same shape: prepare, act, wait by watch until it is done, and close the
// window when the controllers have come to rest.
package cell

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// Limit is how long a cell may take.
const Limit = 3 * time.Minute

// errTooLong says that a cell did not end in time.
var errTooLong = errors.New("the cell takes longer than " + Limit.String())

// Bench is what cells work on.
type Bench struct {
	World *world.World
	Meter *meter.Meter
	Fleet *fleet.Fleet
	// Random decides what is touched.
	Random *rand.Rand
	// Profiles is the folder for CPU profiles; none are taken if it is empty.
	Profiles string

	installed bool
	cell      string
}

// Cell is a scenario.
type Cell struct {
	Name, About string
	Run         func(context.Context, *Bench) ([]report.Step, error)
}

// All returns the cells in the order in which they are run.
func All() []Cell {
	return []Cell{
		{"install", "all units are created, until all are ready", install},
		{"noop", "all units are asked to reconcile with nothing changed, until all have answered", noop},
		{"tick", "the interval of every unit passes once with nothing dirty", tick},
		{"commit", "a commit changes one file of a random unit", commit},
		{"drift", "an owned field of a hundred objects is edited by hand, one after another", drift},
		{"restart", "both controllers are killed and started again with nothing changed", restart},
		{"s2", "one idle minute at an interval of one minute", idleMinute},
		{"s5", "kinds of drift, one object and a hundred at once", driftKinds},
		{"s6", "a rogue writer flips an owned field ten times a second", fight},
		{"s7", "both controllers are killed with -9, their local storage kept and emptied", storm},
		{"s8", "one unit of 2,000 objects", hugeUnit},
	}
}

// Run runs a cell. All but install work on units that are there and at rest.
func (b *Bench) Run(ctx context.Context, c Cell) (report.Cell, error) {
	b.cell = c.Name
	if c.Name != "install" {
		if err := b.ensureInstalled(ctx); err != nil {
			return report.Cell{}, fmt.Errorf("preparing %s: %w", c.Name, err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, Limit, errTooLong)
	defer cancel()
	began := time.Now()
	if _, err := b.Meter.Settle(ctx); err != nil {
		return report.Cell{}, fmt.Errorf("waiting for rest before %s: %w", c.Name, err)
	}
	steps, err := c.Run(ctx, b)
	if err != nil {
		return report.Cell{}, fmt.Errorf("running %s: %w", c.Name, errors.Join(err, b.World.Failed()))
	}
	return report.Cell{Name: c.Name, About: c.About, Seconds: time.Since(began).Seconds(), Steps: steps}, nil
}

func (b *Bench) ensureInstalled(ctx context.Context) error {
	if b.installed {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, Limit, errTooLong)
	defer cancel()
	if err := b.Fleet.Create(ctx); err != nil {
		return err
	}
	_, err := b.Fleet.AwaitReady(ctx)
	b.installed = err == nil
	return err
}

// measure runs act in a window that closes when the controllers have come to rest after it. Length is how long a CPU
// profile covers, if one is taken.
func (b *Bench) measure(ctx context.Context, step string, length time.Duration, act func(context.Context) error) (meter.Use, error) {
	window, err := b.Meter.Begin(ctx)
	if err != nil {
		return meter.Use{}, err
	}
	profiled := b.profile(ctx, step, length)
	if err := act(ctx); err != nil {
		return meter.Use{}, err
	}
	if _, err := b.Meter.Settle(ctx); err != nil {
		return meter.Use{}, err
	}
	use, err := window.End(ctx)
	return use, errors.Join(err, <-profiled)
}

// profile takes CPU profiles beside what happens, and tells when they are written.
func (b *Bench) profile(ctx context.Context, step string, length time.Duration) <-chan error {
	done := make(chan error, 1)
	if b.Profiles == "" || length == 0 {
		done <- nil
		return done
	}
	label := strings.NewReplacer(" ", "-", ",", "").Replace(b.cell + "-" + step)
	go func() { done <- b.Meter.Profile(ctx, b.Profiles, label, length) }()
	return done
}

// milliseconds of a duration.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// percentile of durations, the nearest rank.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}
