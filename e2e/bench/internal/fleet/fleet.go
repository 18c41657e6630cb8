package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/world"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

const (
	// home is the namespace of sources and Kustomizations.
	home = "bench"
	// repositoryName names the repository and its GitRepository.
	repositoryName = "fleet"
	// RestInterval keeps ticks out of every window that is not about them.
	RestInterval = time.Hour
	// workers is how many requests the harness has under way at once.
	workers = 8
)

// Fleet is what is measured.
type Fleet struct {
	Tables
	Units []Unit
	Shape Shape

	world  *world.World
	api    rest.Interface
	tokens atomic.Int64

	mu           sync.Mutex
	repositories map[string]*gitserver.Repository // complete once New has returned, but for sources made later
}

// New makes the namespaces, the foreign kinds, the tenants and, unless every unit brings one, the repository and its source,
// and waits until the artifact is there. No unit exists yet.
func New(ctx context.Context, w *world.World, shape Shape) (*Fleet, error) {
	config, err := w.RESTConfig()
	if err != nil {
		return nil, err
	}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	api, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	f := &Fleet{Shape: shape, world: w, api: api, repositories: map[string]*gitserver.Repository{}}
	for i := range shape.Units {
		f.Units = append(f.Units, shape.unit(i))
	}
	if f.Tables, err = openTables(ctx, api); err != nil {
		return nil, err
	}
	for _, prepare := range []func(context.Context) error{f.namespaces, f.tenants, f.definitions, f.monorepo} {
		if err := prepare(ctx); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *Fleet) namespaces(ctx context.Context) error {
	names := append([]string{home}, namespaces(f.Units)...)
	return f.each(ctx, len(names), func(ctx context.Context, i int) error { return f.Namespace(ctx, names[i]) })
}

func (f *Fleet) definitions(ctx context.Context) error {
	return f.Define(ctx, "installed.example.com", f.Shape.Definitions)
}

// Namespace makes a namespace.
func (f *Fleet) Namespace(ctx context.Context, name string) error {
	return f.create(ctx, namespacesPath, namespace(name))
}

const namespacesPath = "/api/v1/namespaces"

func namespace(name string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}
}

// NamespacesAt makes the namespaces of the units in another cluster.
func (f *Fleet) NamespacesAt(ctx context.Context, api rest.Interface) error {
	for _, name := range namespaces(f.Units) {
		request := api.Post().AbsPath(namespacesPath).SetHeader("Content-Type", "application/json")
		if err := f.send(request, namespace(name)).Do(ctx).Error(); err != nil {
			return fmt.Errorf("making namespace %s in another cluster: %w", name, err)
		}
	}
	return nil
}

// Secret creates a Secret beside the Kustomizations.
func (f *Fleet) Secret(ctx context.Context, name string, text map[string]any) error {
	return f.create(ctx, "/api/v1/namespaces/"+home+"/secrets", map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name}, "stringData": text,
	})
}

// Create creates the Kustomizations of all units, with their sources where they have their own.
func (f *Fleet) Create(ctx context.Context) error {
	return f.each(ctx, len(f.Units), func(ctx context.Context, i int) error {
		if f.Shape.OwnSources {
			if err := f.createSource(ctx, f.Units[i].Source); err != nil {
				return err
			}
		}
		return f.CreateUnit(ctx, f.Units[i])
	})
}

// CreateUnit creates the Kustomization of a unit.
func (f *Fleet) CreateUnit(ctx context.Context, u Unit) error {
	spec := map[string]any{
		"interval": RestInterval.String(), "prune": true, "path": "./" + u.Name,
		"sourceRef": map[string]any{"kind": "GitRepository", "name": u.Source, "namespace": home},
	}
	maps.Copy(spec, u.Spec)
	return f.create(ctx, "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/"+u.Home+"/kustomizations", map[string]any{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
		"metadata": map[string]any{"name": u.Name}, "spec": spec,
	})
}

// Request annotates all units and returns the token they are to report.
func (f *Fleet) Request(ctx context.Context) (string, error) {
	token := f.token()
	return token, f.each(ctx, len(f.Units), func(ctx context.Context, i int) error {
		return f.annotate(ctx, unitPath(f.Units[i]), token)
	})
}

// RequestUnit annotates one unit and returns the token it is to report.
func (f *Fleet) RequestUnit(ctx context.Context, u Unit) (string, error) {
	token := f.token()
	return token, f.annotate(ctx, unitPath(u), token)
}

// SetInterval gives all units and their source another interval.
func (f *Fleet) SetInterval(ctx context.Context, interval time.Duration) error {
	body := map[string]any{"spec": map[string]any{"interval": interval.String()}}
	if _, err := f.Patch(ctx, sourcePath(repositoryName), body); err != nil {
		return err
	}
	return f.each(ctx, len(f.Units), func(ctx context.Context, i int) error {
		_, err := f.Patch(ctx, unitPath(f.Units[i]), body)
		return err
	})
}

func (f *Fleet) annotate(ctx context.Context, path, token string) error {
	_, err := f.Patch(ctx, path, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{meta.AnnotationRequestedAt: token}},
	})
	return err
}

// token is new with every call, also after a restart of the bench.
func (f *Fleet) token() string {
	return strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.FormatInt(f.tokens.Add(1), 10)
}

func (f *Fleet) create(ctx context.Context, path string, body map[string]any) error {
	return f.send(f.api.Post().AbsPath(path).SetHeader("Content-Type", "application/json"), body).Do(ctx).Error()
}

// Patch merges a body into an object and returns its resource version.
func (f *Fleet) Patch(ctx context.Context, path string, body map[string]any) (uint64, error) {
	return f.patch(ctx, types.MergePatchType, path, body)
}

// strategic patches what is in lists with keys.
func (f *Fleet) strategic(ctx context.Context, path string, body map[string]any) (uint64, error) {
	return f.patch(ctx, types.StrategicMergePatchType, path, body)
}

func (f *Fleet) patch(ctx context.Context, kind types.PatchType, path string, body map[string]any) (uint64, error) {
	answer, err := f.send(f.api.Patch(kind).AbsPath(path).Param("fieldManager", "bench"), body).DoRaw(ctx)
	if err != nil {
		return 0, fmt.Errorf("patching %s: %w", path, err)
	}
	var row Object
	if err := json.Unmarshal(answer, &row); err != nil {
		return 0, fmt.Errorf("decoding the answer to a patch of %s: %w", path, err)
	}
	return row.Metadata.Version(), nil
}

// Delete deletes an object.
func (f *Fleet) Delete(ctx context.Context, path string) error {
	if err := f.api.Delete().AbsPath(path).Do(ctx).Error(); err != nil {
		return fmt.Errorf("deleting %s: %w", path, err)
	}
	return nil
}

// send asks for metadata only in return: what the API server writes and we read is not to be paid by the machine.
func (f *Fleet) send(r *rest.Request, body map[string]any) *rest.Request {
	text, err := json.Marshal(body)
	if err != nil {
		return r.Body(err) // A body of this type fails the request with a message.
	}
	return r.Body(text).SetHeader("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
}

// each calls act with 0 to n-1, several at once, and returns the first failure.
func (f *Fleet) each(ctx context.Context, n int, act func(context.Context, int) error) error {
	return Each(ctx, n, workers, act)
}

func unitPath(u Unit) string {
	return "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/" + u.Home + "/kustomizations/" + u.Name
}

func sourcePath(name string) string {
	return "/apis/source.toolkit.fluxcd.io/v1/namespaces/" + home + "/gitrepositories/" + name
}
