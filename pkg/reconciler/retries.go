package reconciler

import (
	"cmp"
	"sync"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
)

// patience is how long a failing object may rest at most, if its own interval is not
// longer: what it needs is back some time, and nobody should then wait for a pause that
// has grown while nobody looked.
const patience = time.Minute

// Retries says when an object that failed is reconciled again: after pauses that double,
// spread a little, and that grow no longer than its own interval or a minute, whichever
// is more. It is the rate limiter of a work queue. A remote host is not protected by it:
// many objects may talk to one.
type Retries struct {
	least, most time.Duration
	random      func() float64

	mu      sync.Mutex
	objects map[ctrl.Request]retry
}

// retry is what is known of an object that failed.
type retry struct {
	failures int
	// interval is that of the object; zero while it is not known.
	interval time.Duration
}

// NewRetries returns a rate limiter whose pauses are at least and at most so long.
// Random returns numbers from 0 to 1.
func NewRetries(least, most time.Duration, random func() float64) *Retries {
	return &Retries{least: least, most: max(least, most), random: random, objects: map[ctrl.Request]retry{}}
}

// When counts a failure and returns the pause after it.
func (r *Retries) When(req ctrl.Request) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.objects[req]
	known.failures++
	r.objects[req] = known

	longest := max(min(max(known.interval, patience), r.most), r.least)
	pause := r.least
	for range known.failures - 1 {
		if pause *= 2; pause >= longest || pause <= 0 {
			break
		}
	}
	if pause <= 0 || pause > longest {
		pause = longest
	}
	// Earlier by up to a quarter, so that what failed together does not come back together.
	return max(pause-time.Duration(r.random()*float64(pause)/4), r.least)
}

// Forget drops an object that does not fail any more.
func (r *Retries) Forget(req ctrl.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.objects, req)
}

// NumRequeues returns how often the object failed in a row.
func (r *Retries) NumRequeues(req ctrl.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.objects[req].failures
}

// note remembers the interval of an object whose pass failed.
func (r *Retries) note(req ctrl.Request, timing Timing) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.objects[req]
	known.interval = cmp.Or(timing.Retry, timing.Interval)
	r.objects[req] = known
}
