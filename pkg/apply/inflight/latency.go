package inflight

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	// tolerated is how many times its best time a request may take before fewer are
	// made: waiting for one another is what keeps every core of a server busy.
	tolerated = 3.0
	// steepest bounds what one window takes away: half, before smoothing.
	steepest = 0.5
	// smoothing is the weight of one window.
	smoothing = 0.3
	// A window of answers is as long as it takes to gather both.
	windowTime    = 250 * time.Millisecond
	windowAnswers = 20
	// sampled is the most answers of a window that are kept for its median.
	sampled = 128
	// The best times of the last minutes are kept in slots, so that a server that
	// has become slower for good is known for what it is after a while.
	slotTime = 15 * time.Second
	slots    = 20
	// shortest is a floor under best times, below which clocks and schedulers are
	// what is measured.
	shortest = time.Millisecond
)

// Kind says what a request makes the server do.
type Kind uint8

// The kinds of requests.
const (
	// Read reads one object.
	Read Kind = iota
	// DryRun goes through everything a write does but the write.
	DryRun
	// Write changes an object.
	Write

	kinds = 3
)

// sizes is the number of size classes: up to 1 KiB, 4 KiB, and so on by fours to
// more than 1 MiB.
const sizes = 7

// Request describes a request by what its duration depends on.
type Request struct {
	// Kind says what the server has to do.
	Kind Kind
	// Bytes is the size of what is sent.
	Bytes int
}

// class returns the number of the sort of requests that are compared with each
// other.
func (r Request) class() int {
	size := max(bits.Len(uint(max(r.Bytes, 1)-1))-10+1, 0) / 2
	return int(r.Kind)*sizes + min(size, sizes-1)
}

// latency compares answers with the best of their class.
type latency struct {
	best   [kinds * sizes][slots]time.Duration
	slot   int
	turned time.Time
	// The window that is being filled.
	began  time.Time
	ratios []float64
	count  int
	// last is the slowness of the last window.
	last float64
}

func newLatency() latency {
	return latency{ratios: make([]float64, 0, sampled), last: 1}
}

// observe takes an answer into account. When it is the last of a window, closed
// is true, and slowness is how many times their best the window's answers
// took, by their median.
func (l *latency) observe(r Request, took time.Duration, now time.Time) (slowness float64, closed bool) {
	took = max(took, shortest)
	l.turn(now)
	best := &l.best[r.class()]
	if best[l.slot] == 0 || took < best[l.slot] {
		best[l.slot] = took
	}
	if l.count == 0 {
		l.began, l.ratios = now, l.ratios[:0]
	}
	l.count++
	if len(l.ratios) < sampled {
		l.ratios = append(l.ratios, float64(took)/float64(least(best)))
	}
	if l.count < windowAnswers || now.Sub(l.began) < windowTime {
		return 0, false
	}
	l.count = 0
	l.last = median(l.ratios)
	return l.last, true
}

// turn moves on to the slot of the present, forgetting what it held.
func (l *latency) turn(now time.Time) {
	if l.turned.IsZero() {
		l.turned = now
	}
	for passed := int(min(now.Sub(l.turned)/slotTime, slots)); passed > 0; passed-- {
		l.slot = (l.slot + 1) % slots
		for class := range l.best {
			l.best[class][l.slot] = 0
		}
		l.turned = now
	}
}

// forget drops what is known of a server that is not the one it was.
func (l *latency) forget() {
	l.best, l.last = [kinds * sizes][slots]time.Duration{}, 1
}

// least returns the best time of a class.
func least(best *[slots]time.Duration) time.Duration {
	var found time.Duration
	for _, d := range best {
		if d != 0 && (found == 0 || d < found) {
			found = d
		}
	}
	return found
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// shrunk returns the limit that a slow window asks for. The square root leaves
// room for a short line at the server, which grows slower than the limit does: on
// a server whose answers take in proportion to the requests in flight, the limit
// comes to rest where its cores are busy and little waits.
func shrunk(limit, slowness float64) float64 {
	gradient := max(tolerated/slowness, steepest)
	return (1-smoothing)*limit + smoothing*(limit*gradient+math.Sqrt(limit))
}
