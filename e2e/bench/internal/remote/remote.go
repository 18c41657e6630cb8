// Package remote makes other clusters for units to apply to: one API server, reached through an endpoint for each cluster
// that is as far away as one on another continent.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/proxy"
)

// userPrefix begins the names of the users that are in the kubeconfigs.
const userPrefix = "bench-remote-"

// Clusters are one API server behind many endpoints.
type Clusters struct {
	cluster *devcluster.Cluster
	proxies []*proxy.Proxy
	api     rest.Interface
}

// Start starts the API server and so many endpoints, to which a request and its answer take so long together.
func Start(ctx context.Context, n int, latency time.Duration, progress io.Writer) (*Clusters, error) {
	root, err := devcluster.Root()
	if err != nil {
		return nil, err
	}
	cluster, err := devcluster.Start(ctx, devcluster.Options{
		Profile: devcluster.WithControllers, Audit: true, Root: root, Progress: progress,
	})
	if err != nil {
		return nil, err
	}
	c := &Clusters{cluster: cluster}
	for range n {
		p, err := proxy.Start(strings.TrimPrefix(cluster.RESTURL(), "https://"), latency/2)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.proxies = append(c.proxies, p)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(cluster.Kubeconfig())
	if err == nil {
		config.QPS, config.NegotiatedSerializer = -1, scheme.Codecs.WithoutConversion()
		c.api, err = rest.UnversionedRESTClientFor(config)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a client of the remote cluster: %w", err), c.Close())
	}
	return c, nil
}

// Close ends the endpoints and the API server.
func (c *Clusters) Close() error {
	var failures []error
	for _, p := range c.proxies {
		failures = append(failures, p.Close())
	}
	return errors.Join(append(failures, c.cluster.Stop())...)
}

// Len returns how many there are.
func (c *Clusters) Len() int { return len(c.proxies) }

// API is a client that may do everything and is not far away.
func (c *Clusters) API() rest.Interface { return c.api }

// Kubeconfig returns what leads to the i-th cluster, as a user of its own who may do everything there.
func (c *Clusters) Kubeconfig(i int) (string, error) {
	text, err := c.cluster.KubeconfigFor(fmt.Sprintf("%s%03d", userPrefix, i), []string{"system:masters"})
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(string(text), c.cluster.RESTURL(), "https://"+c.proxies[i].Address()), nil
}

// Connections sums what all endpoints have seen.
func (c *Clusters) Connections() proxy.Stats {
	var all proxy.Stats
	for _, p := range c.proxies {
		s := p.Stats()
		all.Open, all.Most, all.Total = all.Open+s.Open, all.Most+s.Most, all.Total+s.Total
		all.Sent, all.Received = all.Sent+s.Sent, all.Received+s.Received
	}
	return all
}

// Log begins to count what is asked through the endpoints.
func (c *Clusters) Log() (*meter.Log, error) { return meter.LogFrom(c.cluster.AuditLog()) }

// Requests returns what has been asked through the endpoints since.
func (c *Clusters) Requests(since *meter.Log) ([]meter.Event, error) { return since.Events(userPrefix) }
