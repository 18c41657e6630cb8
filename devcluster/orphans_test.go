package devcluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/capstan-gitops/capstan/devcluster"
)

// launcherVariable turns this test binary into a launcher, which a test can kill.
const launcherVariable = "DEVCLUSTER_TEST_LAUNCHER"

func TestMain(m *testing.M) {
	if os.Getenv(launcherVariable) == "" {
		os.Exit(m.Run())
	}
	if err := launch(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// launch starts a cluster, reports its state and waits for its end.
func launch(ctx context.Context) error {
	cluster, err := devcluster.Start(ctx, devcluster.Options{})
	if err != nil {
		return err
	}
	state, err := devcluster.ReadState(cluster.StateDir())
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(state); err != nil {
		return err
	}
	return cluster.Wait(ctx)
}

func TestKilledLauncherLeavesNoProcesses(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	launcher := exec.CommandContext(t.Context(), self)
	launcher.Env = append(os.Environ(), launcherVariable+"=1")
	launcher.Stderr = os.Stderr
	output, err := launcher.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := launcher.Start(); err != nil {
		t.Fatal(err)
	}
	var state devcluster.State
	decodeErr := json.NewDecoder(output).Decode(&state)
	for _, process := range state.Processes {
		if !alive(t, process.PID) {
			t.Errorf("%s does not run", process.Component)
		}
	}
	if err := launcher.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = launcher.Wait() // It was killed.
	if decodeErr != nil || len(state.Processes) != 2 {
		t.Fatalf("the launcher did not start: %v, %+v", decodeErr, state)
	}
	for _, process := range state.Processes {
		eventually(t, string(process.Component)+" is gone", func() bool { return !alive(t, process.PID) })
	}
	// What the killed launcher could not remove, the next one does.
	start(t, devcluster.Options{})
	if _, err := os.Lstat(state.StateDir); !os.IsNotExist(err) {
		t.Errorf("the state of the killed launcher is left: %v", err)
	}
}
