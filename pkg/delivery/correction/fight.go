package correction

import "time"

const (
	// firstPause is the pause after the first correction of an object; it doubles
	// with each further one, up to the interval.
	firstPause = time.Second
	// reportedFrom is the number of corrections from which on a fight is reported.
	reportedFrom = 3
)

// Fight is a run of corrections of one object: somebody changes what we apply
// again and again. The first correction is made at once, the next ones with an
// exponential back-off that the interval bounds.
type Fight struct {
	// Count is the number of corrections, Last the time of the last one.
	Count int
	Last  time.Time
	// Rival is who changes the object, and which fields.
	Rival string
}

// Until returns when the object may be corrected again.
func (f Fight) Until(interval time.Duration) time.Time {
	if f.Count == 0 {
		return time.Time{}
	}
	pause := interval
	if doublings := f.Count - 1; doublings < 30 {
		pause = min(pause, firstPause<<doublings)
	}
	return f.Last.Add(pause)
}

// Corrected returns the fight after a correction. An interval without one ends it.
func (f Fight) Corrected(now time.Time, interval time.Duration) Fight {
	if f.Over(now, interval) {
		f = Fight{}
	}
	f.Count++
	f.Last = now
	return f
}

// Over reports that an interval has passed without a correction.
func (f Fight) Over(now time.Time, interval time.Duration) bool {
	return now.Sub(f.Last) > interval
}

// Reported reports that the fight has lasted long enough to be reported.
func (f Fight) Reported() bool { return f.Count >= reportedFrom }
