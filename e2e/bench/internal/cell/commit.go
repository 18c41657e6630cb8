package cell

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

// commits is how often the cell is repeated; medians are reported.
const commits = 5

func commit(ctx context.Context, b *Bench) ([]report.Step, error) {
	var published, applied, all []time.Duration
	var uses []meter.Use
	for i := range commits {
		use, err := b.measure(ctx, fmt.Sprintf("%d", i), 4*time.Second, func(ctx context.Context) error {
			took, err := b.commitOnce(ctx, fmt.Sprintf("commit-%d", i))
			published, applied, all = append(published, took.published), append(applied, took.applied), append(all, took.all)
			return err
		})
		if err != nil {
			return nil, err
		}
		uses = append(uses, use)
	}
	use := meter.Median(uses)
	return []report.Step{{Name: fmt.Sprintf("median of %d", commits), Use: use, Figures: []report.Figure{
		report.Of("until the source has published it", milliseconds(percentile(published, 50)), "ms"),
		report.AtMost("until applied", milliseconds(percentile(applied, 50)), "ms", commitApplied),
		report.Of("until applied, slowest", milliseconds(percentile(applied, 100)), "ms"),
		report.AtMost("until all report it", milliseconds(percentile(all, 50)), "ms", commitAll),
		report.Of("until all report it, slowest", milliseconds(percentile(all, 100)), "ms"),
		report.AtMost("requests, most", float64(use.Total()), "", commitRequests),
		report.AtMost("CPU of the controllers", use.CPU(), "s", commitCPU),
		report.AtMost("peak memory of source + kustomize", use.Peak(), "MiB", memory),
	}}}, nil
}

// course is how long after the source was told things had happened.
type course struct{ published, applied, all time.Duration }

// commitOnce changes a random unit. The clock starts when the push has returned and the source is told.
func (b *Bench) commitOnce(ctx context.Context, value string) (course, error) {
	unit := b.Fleet.Units[b.Random.IntN(len(b.Fleet.Units))]
	revision, err := b.Fleet.Commit(ctx, unit, value)
	if err != nil {
		return course{}, err
	}
	began := time.Now()
	if err := b.Fleet.Pull(ctx); err != nil {
		return course{}, err
	}
	published := awaiting(func() (time.Time, error) { return b.Fleet.AwaitPublished(ctx, revision) })
	applied := awaiting(func() (time.Time, error) { return b.Fleet.AwaitValue(ctx, unit.Key(), value, 0) })
	all, err := b.Fleet.AwaitRevision(ctx, revision)
	if err != nil {
		return course{}, err
	}
	source, object := <-published, <-applied
	took := course{published: source.at.Sub(began), applied: object.at.Sub(began), all: all.Sub(began)}
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
