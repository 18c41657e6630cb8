package rig

import (
	"context"
	"errors"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
)

// Course is how long after the source was notified things had happened.
type Course struct{ Published, Applied, All time.Duration }

// Commit changes the value of a unit in Git and waits until it is applied and until these units report it. The clock starts
// when the push has returned and the source is notified.
func (r *Rig) Commit(ctx context.Context, unit fleet.Unit, value string, report []fleet.Unit) (Course, error) {
	revision, err := r.Fleet.Commit(ctx, unit, value)
	if err != nil {
		return Course{}, err
	}
	return r.follow(ctx, revision, report, func() (time.Time, error) { return r.Fleet.AwaitValue(ctx, unit.Key(), value, 0) })
}

// CommitBase changes the base that units share and waits until all of them have it, and until all units report it.
func (r *Rig) CommitBase(ctx context.Context, value string) (Course, error) {
	revision, err := r.Fleet.CommitBase(ctx, value)
	if err != nil {
		return Course{}, err
	}
	sharing := r.Fleet.Units[:r.Fleet.Shape.SharedBy]
	return r.follow(ctx, revision, r.Fleet.Units, func() (time.Time, error) { return r.Fleet.AwaitBase(ctx, sharing, value) })
}

// CommitUnread changes what no unit reads and waits until all units report it.
func (r *Rig) CommitUnread(ctx context.Context, value string) (Course, error) {
	revision, err := r.Fleet.CommitUnread(ctx, value)
	if err != nil {
		return Course{}, err
	}
	return r.follow(ctx, revision, r.Fleet.Units, func() (time.Time, error) { return time.Now(), nil })
}

func (r *Rig) follow(ctx context.Context, revision string, units []fleet.Unit, wait func() (time.Time, error)) (Course, error) {
	began := time.Now()
	if err := r.Fleet.Pull(ctx); err != nil {
		return Course{}, err
	}
	published := awaiting(func() (time.Time, error) { return r.Fleet.AwaitPublished(ctx, revision) })
	applied := awaiting(wait)
	all, err := r.Fleet.AwaitRevision(ctx, units, revision)
	if err != nil {
		return Course{}, err
	}
	source, object := <-published, <-applied
	took := Course{Published: source.at.Sub(began), Applied: object.at.Sub(began), All: all.Sub(began)}
	return took, errors.Join(source.err, object.err)
}

type moment struct {
	at  time.Time
	err error
}

// awaiting waits beside the caller.
func awaiting(wait func() (time.Time, error)) <-chan moment {
	seen := make(chan moment, 1)
	go func() {
		at, err := wait()
		seen <- moment{at, err}
	}()
	return seen
}
