package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/remote"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
)

const (
	// unitsPerCluster says how many units apply to one remote cluster.
	unitsPerCluster = 10
	// remoteLatency is how long a request and its answer take on their way.
	remoteLatency = 50 * time.Millisecond
)

func remoteClusters(ctx context.Context, r *rig.Rig) (steps []report.Step, err error) {
	n := (len(r.Fleet.Units) + unitsPerCluster - 1) / unitsPerCluster
	clusters, err := remote.Start(ctx, n, remoteLatency, r.Lab.Progress)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, clusters.Close()) }()
	if err := sendFar(ctx, r, clusters, n); err != nil {
		return nil, err
	}
	install, err := remoteStep(ctx, r, clusters, "install", func(ctx context.Context) (time.Time, error) {
		if err := r.Fleet.Create(ctx); err != nil {
			return time.Now(), err
		}
		return r.Fleet.AwaitReady(ctx)
	})
	if err != nil {
		return nil, err
	}
	noop, err := remoteStep(ctx, r, clusters, "no-op", r.RequestAll)
	return []report.Step{install, noop}, err
}

// sendFar makes what leads to the clusters, the namespaces there, and has the units apply there.
func sendFar(ctx context.Context, r *rig.Rig, clusters *remote.Clusters, n int) error {
	if err := r.Fleet.NamespacesAt(ctx, clusters.API()); err != nil {
		return err
	}
	for i := range n {
		kubeconfig, err := clusters.Kubeconfig(i)
		if err != nil {
			return err
		}
		if err := r.Fleet.Secret(ctx, clusterName(i), map[string]any{"value": kubeconfig}); err != nil {
			return err
		}
	}
	for i := range r.Fleet.Units {
		r.Fleet.Units[i].Spec["kubeConfig"] = map[string]any{
			"secretRef": map[string]any{"name": clusterName(i / unitsPerCluster)},
		}
	}
	return nil
}

func clusterName(i int) string { return fmt.Sprintf("cluster-%03d", i) }

func remoteStep(ctx context.Context, r *rig.Rig, clusters *remote.Clusters, name string, act rig.Act) (report.Step, error) {
	log, err := clusters.Log()
	if err != nil {
		return report.Step{}, err
	}
	before := clusters.Connections()
	wall, use, err := r.Timed(ctx, name, 10*time.Second, act)
	if err != nil {
		return report.Step{}, err
	}
	events, err := clusters.Requests(log)
	after := clusters.Connections()
	objects := float64(len(r.Fleet.Units) * r.Fleet.Shape.Objects)
	_, _, writes := meter.Span(events, func(e meter.Event) bool { return e.Verb == "patch" || e.Verb == "create" })
	const kib = 1 << 10
	return report.Step{Name: name, Use: use, Figures: append([]report.Figure{
		report.Of("until done", rig.Milliseconds(wall), "ms"),
		report.Of("requests to the remote clusters", float64(len(events)), ""),
		report.Of("writes and dry runs among them, per object", float64(writes)/objects, "each"),
		report.Of("others among them, per cluster", float64(len(events)-writes)/float64(clusters.Len()), "each"),
		report.Of("connections open afterwards", float64(after.Open), ""),
		report.Of("connections made", float64(after.Total-before.Total), ""),
		report.Of("sent and received", float64(after.Sent-before.Sent+after.Received-before.Received)/kib, "KiB"),
	}, costs(use)...)}, err
}
