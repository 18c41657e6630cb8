package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/manifest"
)

// Builder builds Kustomizations.
type Builder struct {
	// Artifacts fetches what is built.
	Artifacts *artifact.Cache
	// Kustomize does the work.
	Kustomize *kustomize.Builder
	// Contents reads what specs refer to.
	Contents Contents
	// Decryption makes decryptors.
	Decryption *Decryption
	// Remote fetches bases that are not part of the artifact; nil refuses them.
	Remote remote.Fetch
	// Owner is in whose name the objects are applied.
	Owner *ownership.Owner
	// Key keys the marks of the objects.
	Key inventory.Key
	// Strict refuses references to variables that are not set.
	Strict bool
	// Distrust is told the source of an artifact whose published index does not
	// describe it.
	Distrust func(source string)

	marks marks
	kept  kept
}

// Contents reads the data of a ConfigMap or Secret that a unit refers to; one
// that does not exist is nil.
type Contents func(ctx context.Context, ref request.Reference) (map[string][]byte, error)

// unfetched is the failure to fetch an artifact. One that is not there will be
// replaced, and the unit woken.
func unfetched(a *meta.Artifact, err error) error {
	failed := &FetchError{Revision: a.Revision, Err: err}
	if errors.Is(err, artifact.ErrNotFound) {
		return fault.Wait(meta.ReasonArtifactFailed, failed)
	}
	return fault.Retry(meta.ReasonArtifactFailed, failed)
}

// FetchError is an artifact that could not be fetched.
type FetchError struct {
	Revision string
	Err      error
}

// Error says which.
func (e *FetchError) Error() string {
	return fmt.Sprintf("fetching artifact of revision %s: %v", e.Revision, e.Err)
}

// Unwrap returns the cause.
func (e *FetchError) Unwrap() error { return e.Err }

// Passing reports that the next attempt may succeed: the content was not seen, and
// so was not found to be wrong.
func (e *FetchError) Passing() bool {
	return !errors.Is(e.Err, artifact.ErrDigest) && !errors.Is(e.Err, artifact.ErrLimit) && !errors.Is(e.Err, artifact.ErrHostile)
}

// Built is what came out.
type Built struct {
	// Desired are the objects, in the order of applying.
	Desired []plan.Desired
	// Recording is what of the artifact they depend on.
	Recording record.Recording
	// Ending are those that come to an end and are gone then.
	Ending map[inventory.ID]bool
}

// Build builds a unit from an artifact. An artifact that cannot be fetched is
// ArtifactFailed, anything else that is wrong BuildFailed. If what comes out is
// known to have a digest, it may be answered from memory; an empty one says that
// nothing is known.
func (b *Builder) Build(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact, known string) (*Built, error) {
	if built := b.kept.get(request.Key(unit), known); built != nil {
		return built, nil
	}
	built, err := b.build(ctx, unit, a)
	if err == nil {
		b.kept.put(request.Key(unit), built)
	}
	return built, err
}

func (b *Builder) build(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact) (*Built, error) {
	variables, err := b.variables(ctx, unit)
	if err != nil {
		return nil, err
	}
	decryptor, err := b.Decryption.For(ctx, unit, b.Contents)
	if err != nil {
		return nil, err
	}
	lease, err := b.Artifacts.View(ctx, *a)
	if err != nil {
		return nil, unfetched(a, err)
	}
	defer lease.Release()
	if published := a.Metadata[meta.MetadataIndexDigest]; published != "" && request.PublishesIndex(unit) && lease.View().Index().Digest() != published {
		b.Distrust(request.Source(unit))
	}
	req := kustomize.Request{
		FS: lease.View(), Path: unit.Spec.Path, Overlay: request.Overlay(&unit.Spec), Substitution: variables,
		Remote: b.Remote,
	}
	if decryptor != nil {
		req.Decrypt, req.DecryptObject = decryptor.FileHook(ctx), decryptor.ObjectHook(ctx)
	}
	result, err := b.Kustomize.Build(ctx, req)
	if err != nil {
		return nil, err
	}
	desired, err := b.desired(unit, result)
	if err != nil {
		return nil, fault.Retry(meta.ReasonBuildFailed, err)
	}
	return &Built{Desired: desired, Recording: result.Recording, Ending: ending(desired)}, nil
}

// ending finds the objects whose absence says that they came to their end.
func ending(desired []plan.Desired) map[inventory.ID]bool {
	found := map[inventory.ID]bool{}
	for _, d := range desired {
		if health.Missing(d.Object).Status == health.Current {
			found[d.ID] = true
		}
	}
	return found
}

// desired sorts the objects and marks each. An object that came out of a build
// before is known by its identity: it has the mark it had, and is normalised when
// somebody needs it.
func (b *Builder) desired(unit *kustomizev1.Kustomization, result *kustomize.Result) ([]plan.Desired, error) {
	manifest.Sort(result.Objects)
	out := make([]plan.Desired, 0, len(result.Objects))
	for _, obj := range result.Objects {
		d := plan.Desired{ID: inventory.IDOf(obj), Object: obj, Sensitive: result.Sensitive(obj)}
		key := markKey{unit: unit.UID, object: result.Identity(obj)}
		if mark, known := b.marks.get(key); known {
			d.Mark, d.Raw = mark, true
		} else {
			if err := b.mark(unit, &d); err != nil {
				return nil, err
			}
			b.marks.add(key, d.Mark)
		}
		out = append(out, d)
	}
	return out, nil
}

// mark normalises an object and marks it.
func (b *Builder) mark(unit *kustomizev1.Kustomization, d *plan.Desired) error {
	if err := apply.Normalize(d.Object, request.Key(unit), b.Owner); err != nil {
		return err
	}
	canonical, err := d.Object.MarshalJSON()
	if err != nil {
		return fmt.Errorf("digesting %s: %w", d.Subject(), err)
	}
	d.Mark = b.Key.Desired(canonical)
	return nil
}

// Normal returns the object in the form in which it is applied.
func (b *Builder) Normal(unit *kustomizev1.Kustomization, d plan.Desired) (*unstructured.Unstructured, error) {
	obj := d.Object
	if obj == nil {
		obj = &unstructured.Unstructured{}
		if err := obj.UnmarshalJSON(d.Encoded); err != nil {
			return nil, fmt.Errorf("decoding %s: %w", d.Subject(), err)
		}
	}
	if !d.Raw {
		return obj, nil
	}
	return obj, apply.Normalize(obj, request.Key(unit), b.Owner)
}

// IDs are the identities of what was built.
func (b *Built) IDs() []inventory.ID {
	ids := make([]inventory.ID, 0, len(b.Desired))
	for _, d := range b.Desired {
		ids = append(ids, d.ID)
	}
	return ids
}

// Digest digests the marks of what was built, for the history.
func (b *Built) Digest() string {
	h := sha256.New()
	for _, d := range b.Desired {
		_, _ = h.Write([]byte(d.ID.String()))
		_, _ = h.Write(d.Mark[:])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
