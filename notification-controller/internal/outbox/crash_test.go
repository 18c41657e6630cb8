package outbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
)

const childVariable = "OUTBOX_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

// child stores until it is killed and says what was acknowledged.
func child(dir string) {
	b, err := Open(Options{Dir: dir, Clock: clock.RealClock{}, Log: logr.Discard()})
	for i := 0; err == nil; i++ {
		id := fmt.Sprint("id-", i)
		if err = b.Put(item(id, "q")); err == nil {
			fmt.Println(id)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilledProcess: whatever was acknowledged before a real SIGKILL is delivered
// by the next process, in order.
func TestKilledProcess(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
		if len(acknowledged) == 40 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(acknowledged) < 40 {
		t.Fatalf("the child ended by itself after %d: %v", len(acknowledged), err)
	}
	synctest.Test(t, func(t *testing.T) {
		var seen log
		b := open(t, dir, Options{Send: func(_ context.Context, r Record) error { seen.add(r.ID); return nil }})
		defer closeBox(t, b)
		run(t, b, time.Second)
		got := seen.all()
		if len(got) < len(acknowledged) || !slices.Equal(got[:len(acknowledged)], acknowledged) {
			t.Errorf("acknowledged %d, delivered %d", len(acknowledged), len(got))
		}
	})
}

var errKilled = errors.New("killed")

// failingDisk fails from a chosen step on, in the middle of it if it is a write, as
// a disk does when the process is killed there.
type failingDisk struct {
	disk
	root *os.Root

	mu   sync.Mutex
	left int
	died bool
}

func (m *failingDisk) step() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left--; m.left < 0 {
		m.died = true
		return errKilled
	}
	return nil
}

func (m *failingDisk) dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.died
}

func (m *failingDisk) Create(name string, data []byte) error {
	if m.dead() {
		return errKilled
	}
	if err := m.step(); err != nil {
		return errors.Join(err, m.root.WriteFile(name, data[:len(data)/2], 0o600))
	}
	return m.disk.Create(name, data)
}

func (m *failingDisk) Rename(from, to string) error {
	if err := m.step(); err != nil {
		return err
	}
	return m.disk.Rename(from, to)
}

func (m *failingDisk) Remove(name string) error {
	if err := m.step(); err != nil {
		return err
	}
	return m.disk.Remove(name)
}

func (m *failingDisk) Sync() error {
	if err := m.step(); err != nil {
		return err
	}
	return m.disk.Sync()
}

func (m *failingDisk) Read(name string) ([]byte, error) {
	if m.dead() {
		return nil, errKilled
	}
	return m.disk.Read(name)
}

// TestKilledAtEachStep: whatever was acknowledged is sent, or is a dead letter,
// wherever the process dies.
func TestKilledAtEachStep(t *testing.T) {
	for step := 0; ; step++ {
		died := false
		t.Run(fmt.Sprint("Step", step), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { died = killedAt(t, step) })
		})
		if !died {
			if step < 12 {
				t.Errorf("the scenario has %d steps only", step)
			}
			return
		}
	}
}

func killedAt(t *testing.T, step int) bool {
	dir := t.TempDir()
	var seen log
	send := func(_ context.Context, r Record) error {
		seen.add(r.ID)
		if r.ID == "dead" {
			return provider.Final(errors.New("refused"))
		}
		return nil
	}
	m := &failingDisk{left: step}
	b := open(t, dir, Options{Send: send, on: func(d disk) disk {
		f, ok := d.(*folder)
		if !ok {
			t.Fatalf("not a folder: %T", d)
		}
		m.disk, m.root = d, f.root
		return m
	}})
	var acknowledged []string
	for _, batch := range [][]Item{{item("a", "q"), item("b", "other")}, {item("dead", "q")}, {item("c", "q")}} {
		if b.Put(batch...) == nil {
			for _, i := range batch {
				acknowledged = append(acknowledged, i.ID)
			}
		}
	}
	run(t, b, time.Minute)
	closeBox(t, b)

	b = open(t, dir, Options{Send: send})
	defer closeBox(t, b)
	run(t, b, time.Minute)
	for _, id := range acknowledged {
		if !slices.Contains(seen.all(), id) {
			t.Errorf("%q was acknowledged and is lost", id)
		}
	}
	if slices.Contains(acknowledged, "dead") && len(b.DeadLetters()) != 1 {
		t.Errorf("%d dead letters, want the one", len(b.DeadLetters()))
	}
	if s := b.Stats(); s.Pending != 0 || s.Damaged != 0 {
		t.Errorf("left behind: %+v", s)
	}
	partial, err := filepath.Glob(filepath.Join(dir, "*"+partialSuffix))
	if err != nil || len(partial) > 0 {
		t.Errorf("partial files stay: %v (%v)", partial, err)
	}
	return m.dead()
}

// TestDamagedFiles cuts and changes a record at many places: it is set aside, and
// the rest is delivered.
func TestDamagedFiles(t *testing.T) {
	whole, err := Record{Item: item("victim", "q")}.encode()
	if err != nil {
		t.Fatal(err)
	}
	corpus := map[string][]byte{
		"Empty": {}, "OtherFile": []byte("hello\n"), "Flipped": flip(whole), "Longer": append(slices.Clone(whole), 'x'),
		"Zeros": make([]byte, 4096), "NotJSON": []byte(strings.Replace(string(whole), "{", "[", 1)),
	}
	for i := 1; i < len(whole); i += 17 {
		corpus[fmt.Sprint("Cut", i)] = whole[:i]
	}
	for name, data := range corpus {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { deliverBeside(t, data) })
		})
	}
}

func flip(data []byte) []byte {
	out := slices.Clone(data)
	out[len(out)-5] ^= 1
	return out
}

func deliverBeside(t *testing.T, data []byte) {
	dir := t.TempDir()
	b := open(t, dir, Options{})
	put(t, b, item("a", "q"), item("victim", "q"), item("c", "q"))
	closeBox(t, b)
	if err := os.WriteFile(filepath.Join(dir, name(1, recordSuffix)), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var seen log
	b = open(t, dir, Options{Send: func(_ context.Context, r Record) error { seen.add(r.ID); return nil }})
	defer closeBox(t, b)
	run(t, b, time.Second)
	if got := seen.all(); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("delivered %v", got)
	}
	if s := b.Stats(); s.Damaged != 1 {
		t.Errorf("damage is not counted: %+v", s)
	}
}

// TestDamagedWhileWaiting breaks a record after it was read once.
func TestDamagedWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var seen log
		b := open(t, dir, Options{Send: func(_ context.Context, r Record) error { seen.add(r.ID); return nil }})
		defer closeBox(t, b)
		put(t, b, item("a", "q"), item("b", "q"))
		if err := os.Truncate(filepath.Join(dir, name(0, recordSuffix)), 10); err != nil {
			t.Fatal(err)
		}
		run(t, b, time.Second)
		if s := b.Stats(); !slices.Equal(seen.all(), []string{"b"}) || s.Damaged != 1 || s.Pending != 0 || s.Bytes != 0 {
			t.Errorf("delivered %v, %+v", seen.all(), s)
		}
	})
}
