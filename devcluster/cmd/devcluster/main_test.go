package main

import (
	"bytes"
	"encoding/json"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/devcluster"
)

// screen is an output that is read while a command writes to it.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// try runs a command line and returns its exit code and what it printed.
func try(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr screen
	code = run(t.Context(), &console{out: &stdout, err: &stderr}, args)
	return code, stdout.String(), stderr.String()
}

func TestMessages(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "none")
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
		why  string
	}{
		"Help":             {[]string{"help"}, 0, "devcluster COMMAND -h", "people ask"},
		"NoArguments":      {nil, 0, "kubeconfig", "the commands are listed"},
		"Flags":            {[]string{"up", "-h"}, 0, "-audit", "a question is no error"},
		"UnknownCommand":   {[]string{"start"}, 2, "up, down, status", "the right word is near"},
		"UnknownFlag":      {[]string{"up", "-fast"}, 2, "-fast", "a typo is named"},
		"NeedlessArgument": {[]string{"status", "now"}, 2, `"now"`, "it would be ignored"},
		"Format":           {[]string{"status", "-state", empty, "-o", "xml"}, 2, "text and json", "the choices are listed"},
		"NotRunning":       {[]string{"down", "-state", empty}, 1, "devcluster up", "it says how to get a cluster"},
		"NoKubeconfig":     {[]string{"kubeconfig", "-state", empty}, 1, "no cluster is running", "there is nobody to connect to"},
		"GroupsAlone":      {[]string{"kubeconfig", "-group", "g"}, 2, "groups need a user", "a group is nobody"},
		"Status":           {[]string{"status", "-state", empty}, 0, "no cluster is running", "asking is no error"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, err := try(t, tc.args...)
			if code != tc.code || !strings.Contains(out+err, tc.want) {
				t.Errorf("%s: exit code %d, want %d; %q must be in:\n%s%s", tc.why, code, tc.code, tc.want, out, err)
			}
		})
	}
}

func TestUpUseDown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	// down asks the launcher to end, and the launcher is this process.
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	var stdout, stderr screen
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, &console{out: &stdout, err: &stderr}, []string{"up", "-state", dir, "-profile", "api-server", "-audit"})
	}()
	awaitReady(t, dir, ended, &stderr)

	code, out, _ := try(t, "status", "-state", dir, "-o", "json")
	var state devcluster.State
	if err := json.Unmarshal([]byte(out), &state); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v in %s", code, err, out)
	}
	if state.Version != "v1.36.3" || len(state.Processes) != 2 || state.AuditLog == "" {
		t.Errorf("state: %+v", state)
	}
	if _, out, _ := try(t, "status", "-state", dir); !strings.Contains(out, state.URL) {
		t.Errorf("status:\n%s", out)
	}
	if code, out, err := try(t, "kubeconfig", "-state", dir, "-user", "ann", "-group", "dev"); code != 0 || !strings.Contains(out, "user: ann") {
		t.Errorf("exit code %d: %s%s", code, out, err)
	}
	if code, out, err := try(t, "kubectl", "-state", dir, "--", "get", "namespace", "default", "-o", "name"); code != 0 || out != "namespace/default\n" {
		t.Errorf("exit code %d: %s%s", code, out, err)
	}
	if code, _, err := try(t, "kubectl", "-state", dir, "--", "get", "namespace", "missing"); code != 1 || !strings.Contains(err, "not found") {
		t.Errorf("exit code %d: %s", code, err)
	}
	if code, out, err := try(t, "down", "-state", dir); code != 0 || !strings.Contains(out, "stopped") {
		t.Errorf("exit code %d: %s%s", code, out, err)
	}
	if code := <-ended; code != 0 || !strings.Contains(stdout.String(), "v1.36.3 is ready") {
		t.Errorf("up ended with %d:\n%s%s", code, stdout.String(), stderr.String())
	}
}

func awaitReady(t *testing.T, dir string, ended <-chan int, stderr *screen) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		state, err := devcluster.ReadState(dir)
		if err != nil {
			t.Fatal(err)
		}
		if state.Ready {
			return
		}
		select {
		case code := <-ended:
			t.Fatalf("up ended with %d: %s", code, stderr)
		case <-ticker.C:
		}
	}
}
