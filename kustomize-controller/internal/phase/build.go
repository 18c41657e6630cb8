package phase

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
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
	"github.com/capstan-gitops/capstan/pkg/manifest"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// build turns the artifact into objects, normalised and in the order in which
// they are applied.
func (p *Phases) build(ctx context.Context, s *Scope) reconciler.Outcome {
	if s.Resumed {
		return reconciler.Continue()
	}
	built, err := p.objects(ctx, s.Object, s.Artifact)
	if err != nil {
		return reconciler.Fail(err)
	}
	p.tellMismatch(s)
	if s.Desired, err = p.desired(built.Objects); err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonBuildFailed, err))
	}
	s.Attempt.Recording = built.Recording
	s.Attempt.Objects = digestOf(s.Desired)
	s.Attempt.Desired = nil
	for _, d := range s.Desired {
		s.Attempt.Desired = append(s.Attempt.Desired, d.ID)
	}
	return reconciler.Continue()
}

// objects builds a unit from an artifact.
func (p *Phases) objects(ctx context.Context, unit *kustomizev1.Kustomization, a *meta.Artifact) (*kustomize.Result, error) {
	lease, err := p.Artifacts.View(ctx, *a)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil, fault.Wait(meta.ReasonArtifactFailed, fmt.Errorf("fetching artifact of revision %s: %w", a.Revision, err))
	}
	if err != nil {
		return nil, fault.Retry(meta.ReasonArtifactFailed, fmt.Errorf("fetching artifact of revision %s: %w", a.Revision, err))
	}
	defer lease.Release()
	if published := a.Metadata[meta.MetadataIndexDigest]; published != "" && lease.View().Index().Digest() != published {
		p.Memory.Distrust(SourceOf(unit))
	}
	built, err := p.Builder.Build(ctx, kustomize.Request{
		FS: lease.View(), Path: unit.Spec.Path, Overlay: request.Overlay(&unit.Spec),
		Substitution: request.Variables(&unit.Spec, p.Strict),
	})
	if err != nil {
		return nil, err
	}
	for _, obj := range built.Objects {
		if err := apply.Normalize(obj, keyOf(unit), p.Live.Marker()); err != nil {
			return nil, fault.Retry(meta.ReasonBuildFailed, err)
		}
	}
	return built, nil
}

// tellMismatch tells, once for each source, that its indexes are not believed any
// more: the one of this artifact is not that of its content. The content itself
// matches its digest, so the unit goes on.
func (p *Phases) tellMismatch(s *Scope) {
	source := SourceOf(s.Object)
	if p.Memory.Trusts(source) || !p.Memory.Tell(source) {
		return
	}
	s.Tell(reconciler.Note{
		Severity: reconciler.Error, Reason: meta.ReasonIndexMismatch,
		Message: fmt.Sprintf("checking the index of revision %s of %s: it does not describe the content; its indexes are not used any more", s.Artifact.Revision, source),
	})
}

// desired sorts the objects and marks each.
func (p *Phases) desired(objects []*unstructured.Unstructured) ([]plan.Desired, error) {
	manifest.Sort(objects)
	out := make([]plan.Desired, 0, len(objects))
	for _, obj := range objects {
		canonical, err := obj.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("digesting %s: %w", inventory.IDOf(obj).Subject(), err)
		}
		out = append(out, plan.Desired{ID: inventory.IDOf(obj), Object: obj, Mark: p.Key.Mark(canonical)})
	}
	return out, nil
}

// digestOf digests the marks of the objects, for the history.
func digestOf(desired []plan.Desired) string {
	h := sha256.New()
	for _, d := range desired {
		_, _ = h.Write([]byte(d.ID.String()))
		_, _ = h.Write(d.Mark[:])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
