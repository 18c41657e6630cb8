package meter

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// busyInterval is how often the kernel is asked how busy the machine is.
const busyInterval = 50 * time.Millisecond

// Busy watches how busy all cores of the machine are, by whatever runs on it.
type Busy struct {
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	samples []sample
	err     error
}

type sample struct {
	at         time.Time
	busy, full uint64 // ticks since the machine started
}

// WatchBusy begins to watch. Stop ends it.
func WatchBusy(ctx context.Context) *Busy {
	ctx, cancel := context.WithCancel(ctx)
	b := &Busy{cancel: cancel, ended: make(chan struct{})}
	go b.watch(ctx)
	return b
}

// Stop ends it.
func (b *Busy) Stop() {
	b.cancel()
	<-b.ended
}

func (b *Busy) watch(ctx context.Context) {
	defer close(b.ended)
	ticker := time.NewTicker(busyInterval)
	defer ticker.Stop()
	for {
		next, err := readBusy()
		b.mu.Lock()
		if err == nil {
			b.samples = append(b.samples, next)
		} else {
			b.err = err
		}
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Between returns the share of the time of all cores that was used between two moments, in percent.
func (b *Busy) Between(from, to time.Time) (float64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	return between(b.samples, from, to)
}

func between(samples []sample, from, to time.Time) (float64, error) {
	first, last := -1, -1
	for i, s := range samples {
		if first < 0 && !s.at.Before(from) {
			first = i
		}
		if !s.at.After(to) {
			last = i
		}
	}
	if first < 0 || last <= first || samples[last].full == samples[first].full {
		return 0, fmt.Errorf("reading how busy the machine is: nothing was seen in %s", to.Sub(from))
	}
	a, b := samples[first], samples[last]
	return 100 * float64(b.busy-a.busy) / float64(b.full-a.full), nil
}

func readBusy() (sample, error) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return sample{}, fmt.Errorf("reading how busy the machine is: %w", err)
	}
	busy, full, err := parseBusy(string(content))
	return sample{time.Now(), busy, full}, err
}

// parseBusy reads the first line, which has all cores: user, nice, system, idle, iowait, irq, softirq and steal. What
// follows is contained in these.
func parseBusy(content string) (busy, full uint64, err error) {
	line, _, _ := strings.Cut(content, "\n")
	fields := strings.Fields(line)
	const idle, wait, kinds = 3, 4, 8
	if len(fields) <= kinds || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("reading how busy the machine is: %w", errFormat)
	}
	for i, field := range fields[1 : kinds+1] {
		ticks, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("reading how busy the machine is: %w", errFormat)
		}
		full += ticks
		if i != idle && i != wait {
			busy += ticks
		}
	}
	return busy, full, nil
}
