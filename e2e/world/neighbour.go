package world

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/devcluster"
)

// Neighbour is another cluster, with nothing of ours in it: an API server that keeps what it is given.
type Neighbour struct {
	// Client may do everything there.
	Client client.WithWatch
	// Kubeconfig is that of the client. Its data is inline.
	Kubeconfig []byte
}

// Neighbour starts another cluster. It ends with the world.
func (w *World) Neighbour(ctx context.Context) (*Neighbour, error) {
	cluster, err := devcluster.Start(ctx, devcluster.Options{Profile: devcluster.APIServerOnly, Progress: w.progress})
	if err != nil {
		return nil, fmt.Errorf("starting another cluster: %w", err)
	}
	w.mu.Lock()
	w.neighbours = append(w.neighbours, cluster)
	w.mu.Unlock()
	w.report("another Kubernetes serves at %s", cluster.RESTURL())
	config, err := unthrottled(cluster)
	if err != nil {
		return nil, err
	}
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	return &Neighbour{Client: c, Kubeconfig: cluster.Kubeconfig()}, nil
}
