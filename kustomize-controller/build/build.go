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
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/manifest"
	"github.com/capstan-gitops/capstan/pkg/plan"
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
	// Key keys the digests of the objects.
	Key inventory.Key
	// Strict refuses references to variables that are not set.
	Strict bool
	// Distrust is called with the source of an artifact whose published index does
	// not describe it.
	Distrust func(source string)
	// NoCache keeps no results: what comes out is built each time, also where it is
	// known to be what came out before.
	NoCache bool

	digests digests
	cache   cache
}

// Contents reads the data of a ConfigMap or Secret that a unit refers to; one
// that does not exist is nil.
type Contents func(ctx context.Context, ref reference.Reference) (map[string][]byte, error)

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

// Object is an object that was built.
type Object struct {
	inventory.ID
	// Object is as it was built; nil if the result comes from the cache, when Encoded
	// is its JSON.
	Object  *unstructured.Unstructured
	Encoded []byte
	// Raw says that the object is not yet in the form in which it is applied.
	Raw bool
	// Digest digests the object in the form in which it is applied.
	Digest inventory.DesiredDigest
	// Sensitive says that the object holds values that must not be shown.
	Sensitive bool
}

// Result is what a build gives.
type Result struct {
	// Objects are what was built, in the order of applying.
	Objects []Object
	// Recording is what of the artifact they depend on.
	Recording record.Recording
	// Transient are those that are deleted once they completed.
	Transient map[inventory.ID]bool
}

// Build builds a unit from an artifact. An artifact that cannot be fetched is
// ArtifactFailed, anything else that is wrong BuildFailed. If the
// result is known to have a digest, it may come from the cache; an empty digest says
// that nothing is known.
func (b *Builder) Build(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact, known string) (*Result, error) {
	if b.NoCache {
		return b.build(ctx, unit, a)
	}
	if built := b.cache.get(request.Key(unit), known); built != nil {
		return built, nil
	}
	built, err := b.build(ctx, unit, a)
	if err == nil {
		b.cache.put(request.Key(unit), built)
	}
	return built, err
}

func (b *Builder) build(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact) (*Result, error) {
	variables, err := b.variables(ctx, unit)
	if err != nil {
		return nil, err
	}
	decryptor, err := b.Decryption.For(ctx, unit, b.Contents)
	if err != nil {
		return nil, &DecryptError{err}
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
	var decrypting watched
	if decryptor != nil {
		req.Decrypt, req.DecryptObject = decrypting.hooks(ctx, decryptor)
	}
	result, err := b.Kustomize.Build(ctx, req)
	if err != nil {
		return nil, decrypting.name(err)
	}
	objects, err := b.objects(unit, result)
	if err != nil {
		return nil, fault.Retry(meta.ReasonBuildFailed, err)
	}
	return &Result{Objects: objects, Recording: result.Recording, Transient: transient(objects)}, nil
}

// transient finds the objects whose absence says that they completed.
func transient(objects []Object) map[inventory.ID]bool {
	found := map[inventory.ID]bool{}
	for _, d := range objects {
		if health.Missing(d.Object).Status == health.Current {
			found[d.ID] = true
		}
	}
	return found
}

// objects sorts the objects and digests each. An object that came out of a build
// before is known by its identity: it has the digest it had, and is normalised when
// somebody needs it.
func (b *Builder) objects(unit *kustomizev1.Kustomization, result *kustomize.Result) ([]Object, error) {
	manifest.Sort(result.Objects)
	out := make([]Object, 0, len(result.Objects))
	for _, obj := range result.Objects {
		d := Object{ID: inventory.IDOf(obj), Object: obj, Sensitive: result.Sensitive(obj)}
		key := digestKey{unit: unit.UID, object: result.Identity(obj)}
		if digest, known := b.digests.get(key); known {
			d.Digest, d.Raw = digest, true
		} else {
			if err := b.digest(unit, &d); err != nil {
				return nil, err
			}
			b.digests.add(key, d.Digest)
		}
		out = append(out, d)
	}
	return out, nil
}

// digest normalises an object and digests it.
func (b *Builder) digest(unit *kustomizev1.Kustomization, d *Object) error {
	if err := apply.Normalize(d.Object, request.Key(unit), b.Owner); err != nil {
		return err
	}
	canonical, err := d.Object.MarshalJSON()
	if err != nil {
		return fmt.Errorf("digesting %s: %w", d.Subject(), err)
	}
	d.Digest = b.Key.Desired(canonical)
	return nil
}

// Normal returns the object in the form in which it is applied.
func (b *Builder) Normal(unit *kustomizev1.Kustomization, d Object) (*unstructured.Unstructured, error) {
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

// Desired are the objects as a plan compares them, in the same order.
func (r *Result) Desired() []plan.Desired {
	desired := make([]plan.Desired, 0, len(r.Objects))
	for _, o := range r.Objects {
		desired = append(desired, plan.Desired{ID: o.ID, Digest: o.Digest})
	}
	return desired
}

// IDs are the identities of what was built.
func (r *Result) IDs() []inventory.ID {
	ids := make([]inventory.ID, 0, len(r.Objects))
	for _, d := range r.Objects {
		ids = append(ids, d.ID)
	}
	return ids
}

// Digest digests what was built, for the history.
func (r *Result) Digest() string {
	h := sha256.New()
	for _, d := range r.Objects {
		_, _ = h.Write([]byte(d.ID.String()))
		_, _ = h.Write(d.Digest[:])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
