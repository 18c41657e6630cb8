package meter

import (
	"context"
	"time"

	"github.com/capstan-gitops/capstan/e2e/world"
)

const (
	// sampleInterval is how often the process table is looked at while waiting for rest.
	sampleInterval = 100 * time.Millisecond
	// idle is the CPU time per sample below which controllers count as at rest.
	idle = 10 * time.Millisecond
	// restLength is how long controllers must be at rest.
	restLength = 1500 * time.Millisecond
)

// AwaitIdle waits until the controllers have been at rest for a while, with neither work nor requests, and returns the last
// moment at which they were not.
func (m *Meter) AwaitIdle(ctx context.Context) (time.Time, error) {
	busy := time.Now()
	position, err := m.world.Position()
	if err != nil {
		return busy, err
	}
	cpu, _, err := m.sample(&position)
	if err != nil {
		return busy, err
	}
	ticker := time.NewTicker(sampleInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return busy, context.Cause(ctx)
		case now := <-ticker.C:
			total, requests, err := m.sample(&position)
			if err != nil {
				return busy, err
			}
			if total-cpu > idle || requests {
				busy = now
			}
			if cpu = total; now.Sub(busy) >= restLength {
				return busy, nil
			}
		}
	}
}

// sample returns the CPU time used so far and whether there were requests since the position, which it moves.
func (m *Meter) sample(position *world.Position) (time.Duration, bool, error) {
	processes, err := m.processes()
	if err != nil {
		return 0, false, err
	}
	var total time.Duration
	for _, p := range processes {
		total += p.cpu
	}
	next, err := m.world.Position() // Before the log is read: what is written in between is seen twice, not never.
	if err != nil {
		return 0, false, err
	}
	found := false
	for _, c := range m.controllers {
		requests, err := m.world.Since(*position, c)
		if err != nil {
			return 0, false, err
		}
		found = found || len(requests.Work) > 0
	}
	*position = next
	return total, found, nil
}
