// Package rig is what cells work on: a world with a fleet and a meter, and what several cells do with them. All cells have
// the same shape: prepare, act, wait by watch until it is done, and close the window when the controllers have come to rest.
package rig

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// Rig is a world in which cells run.
type Rig struct {
	Lab   *Lab
	World *world.World
	Meter *meter.Meter
	Fleet *fleet.Fleet
	// Random decides what is touched.
	Random *rand.Rand

	setup     Setup
	used      bool // units may exist
	spent     bool // a cell has left units of its own kind behind
	installed bool
	cell      string
}

// Run runs a cell. All but bare ones work on units that are there and at rest.
func (r *Rig) Run(ctx context.Context, c Cell) (report.Cell, error) {
	limit := c.limit()
	r.cell, r.used = c.Name, true
	r.spent = c.Bare && c.Setup != nil
	if !c.Bare {
		if err := r.ensureInstalled(ctx); err != nil {
			return report.Cell{}, fmt.Errorf("preparing %s: %w", c.Name, err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the cell takes longer than %s", limit))
	defer cancel()
	began := time.Now()
	if _, err := r.Meter.AwaitIdle(ctx); err != nil {
		return report.Cell{}, fmt.Errorf("waiting for rest before %s: %w", c.Name, err)
	}
	steps, err := c.Run(ctx, r)
	if err != nil {
		return report.Cell{}, fmt.Errorf("running %s: %w", c.Name, errors.Join(err, r.World.Failed()))
	}
	return report.Cell{
		Name: c.Name, About: c.About, From: c.From, Shape: r.setup.Shape.String(),
		Units: r.setup.Shape.Units, Objects: r.setup.Shape.Objects,
		Seconds: time.Since(began).Seconds(), Steps: steps,
	}, nil
}

// installLimit is how long units may take to be ready where nobody measures it, for the first of them and for each further.
const (
	installLimit = 3 * time.Minute
	installEach  = 200 * time.Millisecond
)

func (r *Rig) ensureInstalled(ctx context.Context) error {
	if r.installed {
		return nil
	}
	limit := installLimit + time.Duration(len(r.Fleet.Units))*installEach
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not ready after %s", limit))
	defer cancel()
	if err := r.Fleet.Create(ctx); err != nil {
		return err
	}
	_, err := r.Fleet.AwaitReady(ctx)
	r.installed = err == nil
	return err
}

// Measure runs act in a window that closes when the controllers have come to rest after it. Length is how long a CPU
// profile covers, if one is taken.
func (r *Rig) Measure(ctx context.Context, step string, length time.Duration, act func(context.Context) error) (meter.Use, error) {
	window, err := r.Meter.Begin(ctx)
	if err != nil {
		return meter.Use{}, err
	}
	profiled := r.Profile(ctx, step, length)
	if err := act(ctx); err != nil {
		return meter.Use{}, err
	}
	if _, err := r.Meter.AwaitIdle(ctx); err != nil {
		return meter.Use{}, err
	}
	use, err := window.End(ctx)
	return use, errors.Join(err, <-profiled)
}

// Timed is Measure for an act that has a beginning and an end of its own, and returns how long that took.
func (r *Rig) Timed(ctx context.Context, step string, length time.Duration, act Act) (time.Duration, meter.Use, error) {
	var wall time.Duration
	use, err := r.Measure(ctx, step, length, func(ctx context.Context) error {
		began := time.Now()
		end, err := act(ctx)
		wall = end.Sub(began)
		return err
	})
	return wall, use, err
}

// Act does something and returns when it was done.
type Act func(context.Context) (time.Time, error)

// Profile takes CPU profiles beside what happens, and reports when they are written.
func (r *Rig) Profile(ctx context.Context, step string, length time.Duration) <-chan error {
	done := make(chan error, 1)
	if r.Lab.Profiles == "" || length == 0 {
		done <- nil
		return done
	}
	label := strings.NewReplacer(" ", "-", ",", "", "/", "-").Replace(fmt.Sprintf("%s-%d-%s", r.cell, r.setup.Shape.Units, step))
	go func() { done <- r.Meter.Profile(ctx, r.Lab.Profiles, label, length) }()
	return done
}

// Rest waits, with nobody doing anything.
func Rest(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
