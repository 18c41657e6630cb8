// Package inputs digests everything that can change the outcome of a pass over a
// Kustomization, and decides with the digests whether an artifact
// concerns one: equal inputs give equal objects.
package inputs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	logf "sigs.k8s.io/controller-runtime/pkg/log"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
)

// Inputs knows what units are made from.
type Inputs struct {
	// Artifacts has the indexes of artifacts.
	Artifacts *artifact.Cache
	// References knows the versions of ConfigMaps and Secrets.
	References *reference.Store
	// Installation is what the flags give to all units.
	Installation request.Installation
	// Units holds what the last build of a unit read, Sources which indexes are not
	// believed.
	Units   *unitstate.Store
	Sources *unitstate.Sources
	// Build digests the binary and those of its flags that shape what is built and
	// applied: under another one something else may be.
	Build string
}

// Settings digests the inputs of a unit other than the artifact, given the versions
// of what it refers to.
func (in *Inputs) Settings(unit *kustomizev1.Kustomization, references string) (string, error) {
	spec, err := json.Marshal(unit.Spec)
	if err != nil {
		return "", fmt.Errorf("digesting the spec: %w", err)
	}
	return Fold(string(spec), in.Build, string(unit.UID), references), nil
}

// SettingsNow digests the inputs of a unit that no pass is over.
func (in *Inputs) SettingsNow(ctx context.Context, unit *kustomizev1.Kustomization) (string, error) {
	references := ""
	if refs := in.Installation.References(unit); len(refs) > 0 {
		var err error
		if references, err = in.References.Digest(ctx, refs); err != nil {
			return "", err
		}
	}
	return in.Settings(unit, references)
}

// Unchanged reports that everything a build read is the same in another artifact,
// judged by that artifact's index.
func (in *Inputs) Unchanged(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact, last unitstate.Attempt) bool {
	if last.Recording.Untraceable() || len(last.Recording.Entries) == 0 || !in.Sources.Trusts(request.Source(unit)) {
		return false
	}
	index, ok, err := in.index(ctx, unit, a)
	if err != nil {
		logf.FromContext(ctx).V(1).Info("reading the index of the artifact, building instead", "error", err.Error())
	}
	return err == nil && ok && len(last.Recording.Check(index)) == 0
}

// index returns the index of an artifact: the published one, or for a source
// whose index nobody vouches for that of the content.
func (in *Inputs) index(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact) (*artifact.Index, bool, error) {
	if request.PublishesIndex(unit) {
		return in.Artifacts.Index(ctx, *a)
	}
	lease, err := in.Artifacts.View(ctx, *a)
	if err != nil {
		return nil, false, err
	}
	defer lease.Release()
	return lease.View().Index(), true, nil
}

// Concerns reports whether an artifact may change what a unit has applied, as far
// as the state of the unit shows.
func (in *Inputs) Concerns(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact) bool {
	last := in.Units.Peek(request.Key(unit)).Attempt
	settings, err := in.SettingsNow(ctx, unit)
	applied := last.Complete || last.Awaiting != nil // even if the objects are not well yet
	if err != nil || !applied || last.Settings != settings {
		return true
	}
	return last.Artifact != a.Digest && !in.Unchanged(ctx, unit, a, last)
}

// Fold digests texts; each keeps its bounds.
func Fold(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}
