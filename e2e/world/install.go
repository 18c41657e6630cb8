package world

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/manifests"
)

// installer is the field manager of the manifests, the one that flux install uses.
const installer = "flux"

// install applies manifests/install. The Deployments exist but are scaled to nothing: their programs run as processes.
func (w *World) install(ctx context.Context) error {
	objects, err := manifests.Build("install")
	if err != nil {
		return err
	}
	w.report("installing %d objects of manifests/install", len(objects))
	// Definitions and the namespace come first, as whatever applies the folder would have it.
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	for _, obj := range objects {
		if obj.GetKind() == "Deployment" {
			if err := unstructured.SetNestedField(obj.Object, int64(0), "spec", "replicas"); err != nil {
				return fmt.Errorf("scaling %s: %w", obj.GetName(), err)
			}
		}
		if err := w.Apply(ctx, obj); err != nil {
			return err
		}
	}
	for _, obj := range objects {
		if obj.GetKind() != "CustomResourceDefinition" {
			continue
		}
		if err := w.Await(ctx, obj, func(exists bool) bool { return exists && established(obj) }); err != nil {
			return fmt.Errorf("waiting until %s is served: %w", obj.GetName(), err)
		}
	}
	return w.warnings.err()
}

func rank(obj *unstructured.Unstructured) int {
	switch obj.GetKind() {
	case "CustomResourceDefinition", "Namespace":
		return 0
	default:
		return 1
	}
}

func established(definition *unstructured.Unstructured) bool {
	conditions, _, err := unstructured.NestedSlice(definition.Object, "status", "conditions")
	return err == nil && slices.ContainsFunc(conditions, func(c any) bool {
		condition, ok := c.(map[string]any)
		return ok && condition["type"] == "Established" && condition["status"] == "True"
	})
}

// Apply applies an object as an administrator would.
func (w *World) Apply(ctx context.Context, obj *unstructured.Unstructured) error {
	err := w.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(obj), client.FieldOwner(installer), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("applying %s %s: %w", obj.GetKind(), obj.GetName(), err)
	}
	return nil
}

// RESTConfig returns the configuration of a client that may do everything and is not throttled.
func (w *World) RESTConfig() (*rest.Config, error) {
	config, err := unthrottled(w.cluster)
	if err != nil {
		return nil, err
	}
	config.WarningHandlerWithContext = w.warnings
	return config, nil
}

func unthrottled(cluster *devcluster.Cluster) (*rest.Config, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig(cluster.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of the cluster: %w", err)
	}
	config.QPS = -1
	return config, nil
}

func (w *World) newClient() (client.WithWatch, error) {
	config, err := w.RESTConfig()
	if err != nil {
		return nil, err
	}
	return newClient(config)
}

func newClient(config *rest.Config) (client.WithWatch, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, sourcev1.AddToScheme, kustomizev1.AddToScheme, notificationv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("registering kinds: %w", err)
		}
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return c, nil
}

// warnings keeps what the API server warns about: a pod template that pod security would refuse is one.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, code int, _ string, text string) {
	const miscellaneous = 299
	if code != miscellaneous || text == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, text)
}

func (w *warnings) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.texts) == 0 {
		return nil
	}
	return fmt.Errorf("installing: the API server warns: %q", w.texts)
}
