package outbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
)

// log is what the far side saw.
type log struct {
	mu    sync.Mutex
	lines []string
	times []time.Time
}

func (l *log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	l.times = append(l.times, time.Now())
}

func (l *log) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

func item(id, queue string) Item { return Item{ID: id, Queue: queue, Body: []byte(`{"text":"hello"}`)} }

func open(t *testing.T, dir string, o Options) *Outbox {
	t.Helper()
	o.Dir, o.Clock, o.Log = dir, clock.RealClock{}, logr.Discard()
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run sends for a while of the bubble's own time.
func run(t *testing.T, b *Outbox, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := b.Start(ctx); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, b *Outbox, items ...Item) {
	t.Helper()
	if err := b.Put(items...); err != nil {
		t.Fatal(err)
	}
}

func closeBox(t *testing.T, b *Outbox) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOrderAndIsolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen log
		b := open(t, t.TempDir(), Options{Send: func(ctx context.Context, r Record) error {
			if r.Queue == "slow" {
				<-ctx.Done()
				return ctx.Err()
			}
			seen.add(r.ID)
			return nil
		}})
		defer closeBox(t, b)
		put(t, b, item("s1", "slow"), item("a", "q"), item("b", "q"))
		put(t, b, item("c", "q"))
		run(t, b, time.Second)
		if diff := cmp.Diff([]string{"a", "b", "c"}, seen.all()); diff != "" {
			t.Errorf("a queue keeps its order and waits for no other: %s", diff)
		}
		if s := b.Stats(); s.Pending != 1 || s.Sent != 3 {
			t.Errorf("what was under way at the end is kept: %+v", s)
		}
	})
}

func TestRetrySchedule(t *testing.T) {
	cases := map[string]struct {
		why    string
		result error
		want   []time.Duration
	}{
		"Failure": {"2 to 30 seconds for the contract's four retries, then minutes", errors.New("500"),
			[]time.Duration{2, 4, 8, 16, 60, 120, 240, 300, 300}},
		"RetryAfter": {"the far side may ask for more", provider.RetryAfter(errors.New("429"), 45*time.Second),
			[]time.Duration{45, 45, 45, 45, 60, 120, 240, 300, 300}},
		"Forever": {"but not for ever", provider.RetryAfter(errors.New("429"), 1000*time.Hour),
			[]time.Duration{3600, 3600, 3600}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen log
				var trouble int
				b := open(t, t.TempDir(), Options{
					Send:    func(context.Context, Record) error { seen.add("x"); return tc.result },
					Trouble: func(Record, error) { trouble++ },
				})
				defer closeBox(t, b)
				put(t, b, item("a", "q"))
				run(t, b, 5*time.Hour)
				var got []time.Duration
				for i := range tc.want {
					got = append(got, seen.times[i+1].Sub(seen.times[i])/time.Second)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s: %s", tc.why, diff)
				}
				if trouble > 1 || (len(seen.times) > 5 && trouble != 1) {
					t.Errorf("trouble was reported %d times", trouble)
				}
			})
		})
	}
}

func TestJitterIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen log
		b := open(t, t.TempDir(), Options{
			Send:   func(context.Context, Record) error { seen.add("x"); return errors.New("no") },
			Jitter: func(d time.Duration) time.Duration { return d + time.Second },
		})
		defer closeBox(t, b)
		put(t, b, item("a", "q"))
		run(t, b, 4*time.Second)
		if len(seen.times) != 2 || seen.times[1].Sub(seen.times[0]) != 3*time.Second {
			t.Errorf("the pause was not spread: %v", seen.times)
		}
	})
}

func TestDeadLetters(t *testing.T) {
	cases := map[string]struct {
		why    string
		send   func() error
		reason string
	}{
		"Final": {"trying again cannot help", func() error { return provider.Final(errors.New("answered 404")) }, "answered 404"},
		"Aged":  {"a day is enough", func() error { return errors.New("connection refused") }, "connection refused"},
		"Panic": {"a panic is an error like any other", func() error { panic("canary") }, "sending panicked: string"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				var reported []string
				b := open(t, dir, Options{
					Send: func(_ context.Context, r Record) error {
						if r.ID == "good" {
							return nil
						}
						return tc.send()
					},
					Dead: func(r Record, cause error) { reported = append(reported, r.ID+": "+cause.Error()) },
				})
				put(t, b, item("bad", "q"), item("good", "q"))
				run(t, b, 25*time.Hour)
				if s := b.Stats(); s.Dead != 1 || s.Sent != 1 || s.Pending != 0 || s.Bytes != 0 {
					t.Errorf("%s: %+v", tc.why, s)
				}
				if diff := cmp.Diff([]string{"bad: " + tc.reason}, reported); diff != "" {
					t.Errorf("%s: %s", tc.why, diff)
				}
				closeBox(t, b)
				b = open(t, dir, Options{})
				defer closeBox(t, b)
				letters := b.DeadLetters()
				if len(letters) != 1 || letters[0].Reason != tc.reason || b.Stats().Pending != 0 {
					t.Errorf("the letter did not survive: %+v", letters)
				}
			})
		})
	}
}

func TestBounds(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, Options{MaxBytes: 3 * block})
	for i := range 10 {
		put(t, b, item(fmt.Sprint("id", i), fmt.Sprint("q", i%2)))
	}
	if s := b.Stats(); s.Pending != 3 || s.Dropped != 7 || s.Bytes != 3*block {
		t.Errorf("the oldest go and are counted: %+v", s)
	}
	closeBox(t, b)
	files, err := filepath.Glob(filepath.Join(dir, "*"+recordSuffix))
	if err != nil || len(files) != 3 || !strings.HasSuffix(files[2], name(9, recordSuffix)) {
		t.Errorf("files left: %v (%v)", files, err)
	}
}

func TestSameIDIsStoredOnce(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, Options{})
	put(t, b, item("a", "q"), item("b", "q"))
	put(t, b, item("a", "q"))
	closeBox(t, b)
	b = open(t, dir, Options{})
	defer closeBox(t, b)
	put(t, b, item("b", "q"))
	if s := b.Stats(); s.Pending != 2 {
		t.Errorf("an ID that waits was stored again, also after a restart: %+v", s)
	}
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, Options{})
	defer closeBox(t, b)
	if _, err := Open(Options{Dir: dir, Clock: clock.RealClock{}}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("two owners of one directory: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: link, Clock: clock.RealClock{}}); err == nil {
		t.Error("a link planted where the outbox belongs was followed")
	}
}

func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen log
		var b *Outbox
		b = open(t, t.TempDir(), Options{Send: func(context.Context, Record) error {
			seen.add("x")
			if len(seen.all()) == 1 {
				b.Wake("q")
				return provider.RetryAfter(errors.New("no token"), time.Hour)
			}
			return nil
		}})
		defer closeBox(t, b)
		put(t, b, item("a", "q"))
		run(t, b, time.Minute)
		if len(seen.all()) != 2 {
			t.Errorf("%d attempts: a queue that is woken does not wait", len(seen.all()))
		}
	})
}
