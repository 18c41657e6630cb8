package process_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/e2e/internal/process"
)

const (
	// parentOf has this test binary play a program that starts a child and waits to be killed.
	parentOf = "CAPSTAN_TEST_PARENT_LOG"
	patience = 20 * time.Second
)

func TestMain(m *testing.M) {
	if log := os.Getenv(parentOf); log != "" {
		os.Exit(playParent(log))
	}
	os.Exit(m.Run())
}

// playParent starts a child, says which, and waits until its input ends, which does not happen before it is killed.
func playParent(log string) int {
	child, err := process.NewGroup().Start(process.Spec{Path: "/bin/sleep", Args: []string{"600"}, Log: log})
	if err != nil {
		return 1
	}
	if _, err := os.Stdout.WriteString(strconv.Itoa(child.PID()) + "\n"); err != nil {
		return 1
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

func TestChildDiesWithItsParent(t *testing.T) {
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), parentOf+"="+filepath.Join(t.TempDir(), "log"))
	input, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = input.Close() }()
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 32)
	n, err := output.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	waitUntilGone(t, child)
}

func TestCloseTakesEverythingAlong(t *testing.T) {
	group := process.NewGroup()
	p, err := group.Start(process.Spec{Path: "/bin/sleep", Args: []string{"600"}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	group.Close()
	select {
	case <-p.Ended():
	case <-time.After(patience):
		p.Kill()
		t.Fatal("the process has outlived its group")
	}
}

func TestStop(t *testing.T) {
	cases := map[string]struct {
		script, end, why string
	}{
		"Willing": {script: "exec sleep 600", end: "signal: terminated", why: "a process that can be asked is asked"},
		"Stubborn": {
			script: "trap '' TERM; echo ready; while :; do sleep 1; done", end: "signal: killed",
			why: "a process that does not listen is killed after the grace period",
		},
		"Ended": {script: "exit 3", end: "exit status 3", why: "there is nothing to stop, and the status is kept"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, ready := shell(t, tc.script)
			switch name {
			case "Stubborn":
				poll(t, "the trap is set", ready)
			case "Ended":
				<-p.Ended()
			}
			p.Stop(200 * time.Millisecond)
			if p.End() != tc.end {
				t.Errorf("it ended with %q, want %q, because %s", p.End(), tc.end, tc.why)
			}
		})
	}
}

func TestStartThatCannotBe(t *testing.T) {
	group := process.NewGroup()
	defer group.Close()
	if _, err := group.Start(process.Spec{Path: "/nowhere", Log: filepath.Join(t.TempDir(), "log")}); err == nil {
		t.Error("a program that does not exist was started")
	}
}

// shell runs a script until the test ends. It is ready once it has said something.
func shell(t *testing.T, script string) (p *process.Process, ready func() bool) {
	t.Helper()
	group := process.NewGroup()
	t.Cleanup(group.Close)
	log := filepath.Join(t.TempDir(), "log")
	p, err := group.Start(process.Spec{Path: "/bin/sh", Args: []string{"-c", script}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return p, func() bool {
		content, err := os.ReadFile(log)
		return err == nil && len(content) > 0
	}
}

func waitUntilGone(t *testing.T, pid int) {
	t.Helper()
	poll(t, "process "+strconv.Itoa(pid)+" is gone", func() bool {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid)
	})
}

// zombie reports whether a process is dead and only waits for somebody to ask how it died.
func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waiting until %s: not within %s", what, patience)
		}
	}
}
