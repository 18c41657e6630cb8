package devcluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/capstan-gitops/capstan/devcluster/internal/proc"
	"github.com/capstan-gitops/capstan/devcluster/internal/scratch"
)

const (
	kubeconfigFile = "kubeconfig"
	stateFile      = "state.json"
)

// State is what other processes can know about a cluster from its state directory.
type State struct {
	// Running reports whether a launcher holds the directory.
	Running bool `json:"running"`
	// Ready reports whether the launcher has brought the cluster up.
	Ready      bool      `json:"ready"`
	StateDir   string    `json:"stateDir"`
	Profile    Profile   `json:"profile,omitempty"`
	URL        string    `json:"url,omitempty"`
	Version    string    `json:"version,omitempty"`
	Kubeconfig string    `json:"kubeconfig,omitempty"`
	AuditLog   string    `json:"auditLog,omitempty"`
	Launcher   Launcher  `json:"launcher,omitzero"`
	Processes  []Process `json:"processes,omitempty"`
}

// Launcher is the process that started the cluster. Its start time, in ticks since boot, distinguishes it from a later process
// with the same id.
type Launcher struct {
	PID       int    `json:"pid"`
	StartTime uint64 `json:"startTime"`
}

// Process is a process of the cluster.
type Process struct {
	Component Component `json:"component"`
	PID       int       `json:"pid"`
	Log       string    `json:"log"`
}

// ErrNotRunning says that no cluster runs in a state directory.
var ErrNotRunning = errors.New("no cluster is running")

// DefaultStateDir returns where the devcluster command keeps the state of a cluster that was given no directory.
func DefaultStateDir() (string, error) {
	base, err := scratch.Base(scratch.Memory(stateRoom))
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "default"), nil
}

// ReadState describes the cluster in a state directory, which need not run or exist.
func ReadState(dir string) (State, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return State{}, fmt.Errorf("reading the state of a cluster: %w", err)
	}
	running, err := scratch.Held(dir)
	if err != nil {
		return State{}, fmt.Errorf("reading the state of a cluster: %w", err)
	}
	if !running {
		return State{StateDir: dir}, nil
	}
	content, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, os.ErrNotExist) {
		return State{StateDir: dir, Running: true}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("reading the state of a cluster: %w", err)
	}
	var state State
	if err := json.Unmarshal(content, &state); err != nil {
		return State{}, fmt.Errorf("reading the state of a cluster: %w", err)
	}
	// The file may be an earlier launcher's that was killed, for the moment until the one that starts now removes it.
	launcher, err := proc.ReadUsage(state.Launcher.PID)
	if err != nil || launcher.StartTime != state.Launcher.StartTime {
		return State{StateDir: dir, Running: true}, nil //nolint:nilerr // no launcher is no error
	}
	state.Running, state.Ready = true, true
	return state, nil
}

// KubeconfigIn returns a client configuration for a user with groups of the cluster that runs in a state directory.
func KubeconfigIn(dir, user string, groups []string) ([]byte, error) {
	state, err := ReadState(dir)
	if err != nil {
		return nil, err
	}
	if !state.Ready {
		return nil, fmt.Errorf("%w in %s", ErrNotRunning, state.StateDir)
	}
	s, err := loadSecrets(state.StateDir)
	if err != nil {
		return nil, err
	}
	return s.kubeconfig(state.URL, user, groups)
}

// writeState is the last step of a start: a directory that has a state file belongs to a cluster that can be used.
func (c *Cluster) writeState() error {
	self, err := proc.ReadUsage(os.Getpid())
	if err != nil {
		return err
	}
	state := State{
		StateDir:   c.dir.Path,
		Profile:    c.options.Profile,
		URL:        c.RESTURL(),
		Version:    c.version,
		Kubeconfig: c.KubeconfigPath(),
		AuditLog:   c.AuditLog(),
		Launcher:   Launcher{PID: os.Getpid(), StartTime: self.StartTime},
	}
	for _, name := range c.Components() {
		state.Processes = append(state.Processes, Process{Component: name, PID: c.process(name).PID(), Log: c.Log(name)})
	}
	content, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	partial := filepath.Join(c.dir.Path, stateFile+".partial")
	if err := os.WriteFile(partial, content, privateFile); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	if err := os.Rename(partial, filepath.Join(c.dir.Path, stateFile)); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	return nil
}

func removeState(dir string) error {
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
