package outbox

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

const (
	defaultMaxBytes = 256 << 20
	defaultMaxAge   = 24 * time.Hour
	// maxDead bounds how many dead letters are kept, and deadShare which part of the
	// bytes they may take.
	maxDead   = 1000
	deadShare = 8
	// block is what a file takes on disk at least; counting it keeps the index of
	// many small deliveries from filling the memory.
	block = 4096
)

// Options configure an outbox. Dir, Clock and Send are needed.
type Options struct {
	// Dir holds the deliveries; it is created, and belongs to one process at a time.
	Dir string
	// MaxBytes bounds what waits; beyond it the oldest deliveries are dropped and
	// counted. 256 MiB if zero.
	MaxBytes int64
	// MaxAge is how long a delivery is tried; 24 hours if zero.
	MaxAge time.Duration
	Clock  clock.WithTicker
	// Jitter spreads a pause; nil leaves it as it is.
	Jitter func(time.Duration) time.Duration
	// Send makes one attempt. It is called for one record of a queue at a time, and
	// returns nil if the other side took the delivery. Whether and when there is
	// another attempt follows from provider.IsFinal and provider.PauseOf.
	Send func(ctx context.Context, r Record) error
	// Trouble is called once for a record whose attempts keep failing and go on. Nil
	// is allowed.
	Trouble func(r Record, cause error)
	// Dead is called for a record that is given up. Nil is allowed.
	Dead func(r Record, cause error)
	Log  logr.Logger

	// on wraps the file system in tests.
	on func(disk) disk
}

func (o Options) withDefaults() Options {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxAge == 0 {
		o.MaxAge = defaultMaxAge
	}
	if o.Jitter == nil {
		o.Jitter = func(d time.Duration) time.Duration { return d }
	}
	if o.Trouble == nil {
		o.Trouble = func(Record, error) {}
	}
	if o.Dead == nil {
		o.Dead = func(Record, error) {}
	}
	if o.on == nil {
		o.on = func(d disk) disk { return d }
	}
	return o
}

// Stats is what an outbox holds and has done since it was opened.
type Stats struct {
	// Pending deliveries, the bytes they take, and when the oldest was put.
	Pending int
	Bytes   int64
	Oldest  time.Time
	// Sent counts deliveries taken by the other side, Failed attempts it did not
	// take.
	Sent, Failed int
	// Dead counts deliveries given up, Dropped those that had to go for want of
	// room, Damaged files that could not be read.
	Dead, Dropped, Damaged int
}
