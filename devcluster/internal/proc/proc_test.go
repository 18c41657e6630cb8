package proc_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/devcluster/internal/proc"
)

func shell(t *testing.T, script string) *proc.Process {
	t.Helper()
	spawner := proc.NewSpawner()
	t.Cleanup(spawner.Close)
	process, err := spawner.Start(proc.Spec{
		Name: "sh", Path: "/bin/sh", Args: []string{"-c", script}, Dir: t.TempDir(), Log: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	return process
}

func TestExitErrorHoldsTheEndOfTheLog(t *testing.T) {
	process := shell(t, "echo something is wrong >&2; exit 3")
	<-process.Done()
	err := process.ExitError()
	for _, want := range []string{"sh ended", "exit status 3", "something is wrong"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestKillTakesTheGroup(t *testing.T) {
	process := shell(t, "tail -f /dev/null & echo $! > child; wait")
	process.Kill()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for !groupIsGone(process.PID()) {
		select {
		case <-deadline:
			t.Fatal("a process of the group lives")
		case <-ticker.C:
		}
	}
	process.Kill() // Again, on a process that is gone.
}

// groupIsGone allows for an orphan that was killed and that init has not collected yet.
func groupIsGone(group int) bool {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return false
	}
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(content), ") ")
		fields := strings.Fields(rest)
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return false
		}
	}
	return true
}

func TestTerminateReachesAPausedProcess(t *testing.T) {
	process := shell(t, "trap 'echo bye; exit 0' TERM; while :; do tail -f /dev/null & wait; done")
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	process.Terminate(10 * time.Second)
	<-process.Done()
}

func TestTerminateKillsTheStubborn(t *testing.T) {
	process := shell(t, "trap '' TERM; while :; do tail -f /dev/null; done")
	process.Terminate(time.Millisecond)
	<-process.Done()
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	spawner := proc.NewSpawner()
	defer spawner.Close()
	_, err := spawner.Start(proc.Spec{Name: "etcd", Path: "/nonexistent/etcd", Log: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "starting etcd") {
		t.Errorf("got %v", err)
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	usage, err := proc.ReadUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if usage.RSS < 1<<20 || usage.RSSPeak < usage.RSS || usage.StartTime == 0 {
		t.Errorf("implausible: %+v", usage)
	}
	if _, err := proc.ReadUsage(1 << 30); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a process that does not exist: %v", err)
	}
}

func TestTailIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(strings.Repeat("noise\n", 100_000)+"last\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := proc.Tail(path, 2); got != "noise\nlast" {
		t.Errorf("got %q", got)
	}
}
