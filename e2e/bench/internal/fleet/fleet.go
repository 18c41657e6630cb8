package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
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
	// hugeName names the repository, the source and the Kustomization of many objects.
	hugeName = "huge"
	// RestInterval keeps ticks out of every window that is not about them.
	RestInterval = time.Hour
	// workers is how many requests the harness has under way at once.
	workers = 8
)

// Fleet is what is measured.
type Fleet struct {
	Tables
	Units   []Unit
	Objects int // per unit

	world      *world.World
	api        rest.Interface
	repository *gitserver.Repository
	huge       *gitserver.Repository
	tokens     atomic.Int64
}

// New makes the repository, the namespaces and the source, and waits until its artifact is there. No unit exists yet.
func New(ctx context.Context, w *world.World, units, objects int) (*Fleet, error) {
	config, err := w.RESTConfig()
	if err != nil {
		return nil, err
	}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	api, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	f := &Fleet{Objects: objects, world: w, api: api}
	for i := range units {
		f.Units = append(f.Units, unit(i))
	}
	if f.Tables, err = openTables(ctx, api); err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, u := range f.Units {
		folder, err := u.files(objects)
		if err != nil {
			return nil, err
		}
		for path, text := range folder {
			files[path] = text
		}
	}
	if err := f.namespaces(ctx); err != nil {
		return nil, err
	}
	f.repository, err = f.source(ctx, repositoryName, files)
	return f, err
}

func (f *Fleet) namespaces(ctx context.Context) error {
	names := []string{home}
	for i := 0; i < len(f.Units); i += unitsPerNamespace {
		names = append(names, f.Units[i].Namespace)
	}
	return f.each(ctx, len(names), func(ctx context.Context, i int) error { return f.namespace(ctx, names[i]) })
}

func (f *Fleet) namespace(ctx context.Context, name string) error {
	return f.create(ctx, "/api/v1/namespaces", map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name},
	})
}

// source makes a repository and a GitRepository of the same name, and waits for the artifact.
func (f *Fleet) source(ctx context.Context, name string, files map[string]string) (*gitserver.Repository, error) {
	repository, err := f.world.Git.CreateRepository(ctx, name)
	if err != nil {
		return nil, err
	}
	if _, err := repository.Commit(ctx, files, "Begin"); err != nil {
		return nil, err
	}
	err = f.create(ctx, "/apis/source.toolkit.fluxcd.io/v1/namespaces/"+home+"/gitrepositories", map[string]any{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"url": repository.URL(), "ref": map[string]any{"branch": "main"}, "interval": RestInterval.String(),
		},
	})
	if err != nil {
		return nil, err
	}
	_, err = f.Sources.Await(ctx, func(rows map[string]State) bool { return rows[home+"/"+name].Ready() })
	if err != nil {
		row, _ := f.Sources.Get(home + "/" + name)
		return nil, fmt.Errorf("waiting for the artifact of %s, which says %q: %w", name, row.Condition("Ready").Message, err)
	}
	return repository, nil
}

// Create creates the Kustomizations of all units.
func (f *Fleet) Create(ctx context.Context) error {
	return f.each(ctx, len(f.Units), func(ctx context.Context, i int) error {
		return f.createUnit(ctx, f.Units[i].Name, repositoryName)
	})
}

func (f *Fleet) createUnit(ctx context.Context, name, source string) error {
	return f.create(ctx, unitPath(""), map[string]any{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"interval": RestInterval.String(), "prune": true, "path": "./" + name,
			"sourceRef": map[string]any{"kind": "GitRepository", "name": source},
		},
	})
}

// Request annotates all units and returns the token they are to report.
func (f *Fleet) Request(ctx context.Context) (string, error) {
	token := f.token()
	return token, f.each(ctx, len(f.Units), func(ctx context.Context, i int) error {
		return f.annotate(ctx, unitPath(f.Units[i].Name), token)
	})
}

// Commit changes the value of a unit's ConfigMap in Git and returns the revision that the source will report.
func (f *Fleet) Commit(ctx context.Context, u Unit, value string) (string, error) {
	text, err := u.Config(value)
	if err != nil {
		return "", err
	}
	hash, err := f.repository.Commit(ctx, map[string]string{u.ConfigFile(): text}, "Change "+u.Name)
	return revision(hash), err
}

func revision(hash string) string { return "main@sha1:" + hash }

// Pull asks the source to look for commits.
func (f *Fleet) Pull(ctx context.Context) error {
	return f.annotate(ctx, sourcePath(repositoryName), f.token())
}

// SetInterval gives all units and their source another interval.
func (f *Fleet) SetInterval(ctx context.Context, interval time.Duration) error {
	body := map[string]any{"spec": map[string]any{"interval": interval.String()}}
	if _, err := f.Patch(ctx, sourcePath(repositoryName), body); err != nil {
		return err
	}
	return f.each(ctx, len(f.Units), func(ctx context.Context, i int) error {
		_, err := f.Patch(ctx, unitPath(f.Units[i].Name), body)
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

func unitPath(name string) string {
	return strings.TrimSuffix("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/"+home+"/kustomizations/"+name, "/")
}

func sourcePath(name string) string {
	return "/apis/source.toolkit.fluxcd.io/v1/namespaces/" + home + "/gitrepositories/" + name
}
