package hosts

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// longest is the longest pause that grows by itself: a host that is back is noticed
	// within it.
	longest = time.Minute
	// maxHosts bounds what is remembered. Beyond it the pause that ends first is
	// forgotten, so that many hosts cost others their protection at worst.
	maxHosts = 1024
)

// Options shape Hosts.
type Options struct {
	// Clock is the time.
	Clock clock.PassiveClock
	// Least is the first pause, Most the longest that a host can ask for.
	Least, Most time.Duration
	// Random returns numbers from 0 to 1.
	Random func() float64
}

// Hosts remembers which hosts did not answer. It is safe for concurrent use.
type Hosts struct {
	o  Options
	mu sync.Mutex
	of map[key]*backOff
}

// key is a host as everybody sees it, or as one namespace does.
type key struct{ origin, namespace string }

// backOff is that of one key. While it lasts, one request at a time is let through.
type backOff struct {
	failures int
	// raised is when the last failure was counted, until when the next request may be made.
	raised, until time.Time
}

// New returns an empty memory.
func New(o Options) *Hosts {
	o.Most = max(o.Least, o.Most)
	return &Hosts{o: o, of: map[key]*backOff{}}
}

// PausedError says that a request was not made, because its host did not answer others.
// Its text is the same for as long as that is so.
type PausedError struct {
	// Host that is not asked.
	Host string
	// For is how long it is not.
	For time.Duration
	// Everybody says that nobody can connect to the host; otherwise it did not serve
	// another request of the same namespace, which may be about that one only.
	Everybody bool
}

// Error says it in a sentence.
func (e *PausedError) Error() string {
	return fmt.Sprintf("%s did not answer when it was asked last, and is asked again after a pause", e.Host)
}

// ask lets a request through and returns when it began, or how long it has to wait. While
// a back-off lasts, whoever is let through keeps the others waiting for another pause. An
// urgent request is made in addition: it takes nobody's turn.
func (h *Hosts) ask(keys []key, urgent bool) (began time.Time, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.o.Clock.Now()
	for _, k := range keys {
		if b := h.of[k]; b != nil && now.Before(b.until) && !urgent {
			// Later by up to a quarter, so that those who wait do not all come at once.
			left := b.until.Sub(now)
			wait = max(wait, min(left+time.Duration(h.o.Random()*float64(left)/4), max(left, h.o.Most)))
		}
	}
	if wait > 0 || urgent {
		return now, wait
	}
	for _, k := range keys {
		if b := h.of[k]; b != nil {
			b.until = now.Add(h.pause(b.failures))
		}
	}
	return now, 0
}

// fail counts a failure of a request that began then. Requests that were under way
// together count once.
func (h *Hosts) fail(k key, began time.Time, retryAfter time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.of[k]
	if b == nil {
		h.makeRoom()
		b = &backOff{}
		h.of[k] = b
	}
	now := h.o.Clock.Now()
	if !began.Before(b.raised) {
		b.failures++
		b.raised = now
	}
	until := now.Add(max(h.pause(b.failures), min(retryAfter, h.o.Most)))
	if until.After(b.until) {
		b.until = until
	}
}

// clear forgets that a host did not answer.
func (h *Hosts) clear(k key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.of, k)
}

// paused reports that a key has a back-off that lasts.
func (h *Hosts) paused(k key) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.of[k]
	return b != nil && h.o.Clock.Now().Before(b.until)
}

// giveBack lets the next request through at once: the one that was let through came to
// nothing that says anything about the host.
func (h *Hosts) giveBack(k key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b := h.of[k]; b != nil {
		b.until = h.o.Clock.Now()
	}
}

// pause doubles with every failure, less up to a quarter at random.
func (h *Hosts) pause(failures int) time.Duration {
	most := max(min(longest, h.o.Most), h.o.Least)
	pause := h.o.Least
	for range failures - 1 {
		if pause >= most {
			break
		}
		pause *= 2
	}
	pause = min(pause, most)
	return max(pause-time.Duration(h.o.Random()*float64(pause)/4), h.o.Least)
}

func (h *Hosts) makeRoom() {
	if len(h.of) < maxHosts {
		return
	}
	var first key
	for k, b := range h.of {
		if f := h.of[first]; f == nil || b.until.Before(f.until) {
			first = k
		}
	}
	delete(h.of, first)
}
