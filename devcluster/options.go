package devcluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/capstan-gitops/capstan/devcluster/internal/build"
	"github.com/capstan-gitops/capstan/devcluster/internal/component"
)

const (
	defaultStartTimeout = 90 * time.Second
	maxNodes            = 100
)

// Component names a process of the control plane.
type Component string

// The processes of a control plane.
const (
	Etcd              Component = component.Etcd
	APIServer         Component = component.APIServer
	ControllerManager Component = component.ControllerManager
	Scheduler         Component = component.Scheduler
	Kwok              Component = component.Kwok
)

// Profile says which processes a cluster has.
type Profile string

const (
	// APIServerOnly runs etcd and kube-apiserver: objects are stored and validated, and nothing acts on them.
	APIServerOnly Profile = "api-server"
	// WithControllers adds kube-controller-manager: garbage collection, namespaces that can be deleted, ServiceAccounts.
	WithControllers Profile = "controllers"
	// Full adds kube-scheduler and kwok: pods are scheduled and run.
	Full Profile = "full"
)

// Options say what to start. The zero value starts an ephemeral API server.
type Options struct {
	// Profile says which processes run; by default APIServerOnly.
	Profile Profile
	// StateDir holds everything the cluster writes. By default it is a new directory that Stop removes. A named directory
	// is kept, and a cluster started on it again continues with the objects it holds.
	StateDir string
	// Ephemeral empties a named StateDir at the start, and removes it at the end.
	Ephemeral bool
	// Audit makes the API server log every request at level Metadata.
	Audit bool
	// Nodes is the number of nodes of a Full cluster; by default 1.
	Nodes int
	// StartTimeout bounds the start once the binaries are built; by default 90 seconds.
	StartTimeout time.Duration
	// Root is the repository that names the binaries; by default it is found from the working directory upwards.
	Root string
	// Progress receives a line per binary that has to be built; by default os.Stderr.
	Progress io.Writer
}

func (o Options) withDefaults() (Options, error) {
	if o.Profile == "" {
		o.Profile = APIServerOnly
	}
	if len(o.components()) == 0 {
		return Options{}, fmt.Errorf("there is no profile %q; there are %s, %s and %s", o.Profile, APIServerOnly, WithControllers, Full)
	}
	if o.Nodes == 0 {
		o.Nodes = 1
	}
	if o.Nodes < 0 || o.Nodes > maxNodes {
		return Options{}, fmt.Errorf("a cluster has 1 to %d nodes, not %d", maxNodes, o.Nodes)
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = defaultStartTimeout
	}
	if o.StateDir == "" {
		o.Ephemeral = true
	}
	if o.Progress == nil {
		o.Progress = os.Stderr
	}
	if o.Root == "" {
		root, err := Root()
		if err != nil {
			return Options{}, err
		}
		o.Root = root
	}
	return o, nil
}

// components lists the processes of the profile in the order in which they start.
func (o Options) components() []Component {
	switch o.Profile {
	case APIServerOnly:
		return []Component{Etcd, APIServer}
	case WithControllers:
		return []Component{Etcd, APIServer, ControllerManager}
	case Full:
		return []Component{Etcd, APIServer, ControllerManager, Scheduler, Kwok}
	default:
		return nil
	}
}

func (o Options) runs(c Component) bool {
	for _, candidate := range o.components() {
		if candidate == c {
			return true
		}
	}
	return false
}

// Root returns the root of the repository that the working directory, or else this executable, lies in.
func Root() (string, error) {
	var failures []error
	if folder, err := os.Getwd(); err == nil {
		root, err := build.FindRoot(folder)
		if err == nil {
			return root, nil
		}
		failures = append(failures, err)
	}
	if executable, err := os.Executable(); err == nil {
		root, err := build.FindRoot(executable)
		if err == nil {
			return root, nil
		}
		failures = append(failures, err)
	}
	return "", errors.Join(failures...)
}
