// Package wallclock is the machine's clock with a wall time that can be set, as an
// administrator or a time service sets it: what is measured between two readings
// stays true, what is compared with a time that came from elsewhere does not.
package wallclock

import (
	"sync/atomic"
	"time"
	"unsafe"

	"k8s.io/utils/clock"
)

// Clock is a clock.WithTicker. Its zero value shows the machine's time; it is safe
// for concurrent use.
type Clock struct {
	clock.RealClock
	ahead atomic.Int64 // seconds
}

// Set makes the wall time differ from the machine's by so much, in whole seconds.
func (c *Clock) Set(ahead time.Duration) { c.ahead.Store(int64(ahead / time.Second)) }

// Now returns the time; its monotonic reading is the machine's.
func (c *Clock) Now() time.Time { return shifted(c.RealClock.Now(), c.ahead.Load()) }

// Since returns what has passed since a reading of this clock, or, for a time from
// elsewhere, the difference of the wall times.
func (c *Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// shifted changes the wall time of a reading and keeps its monotonic part, which
// package time has no function for. With a monotonic reading, bits 30 to 62 of the
// first word of a time are seconds.
func shifted(t time.Time, seconds int64) time.Time {
	const nanoseconds = 30
	wall := (*uint64)(unsafe.Pointer(&t))   //nolint:gosec // The layout is checked by this package's test.
	*wall += uint64(seconds) << nanoseconds //nolint:gosec // The addition wraps around, as is meant for negative numbers.
	return t
}
