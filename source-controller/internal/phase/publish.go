package phase

import (
	"context"
	"errors"
	"fmt"
	"io"

	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
)

// publish packs the tree, indexes it and stores both.
func (p *Phases) publish(ctx context.Context, s *Scope) reconciler.Outcome {
	stored, err := p.store(ctx, s)
	if err = errors.Join(err, s.Tree.Close()); err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonArchiveOperationFailed,
			fmt.Errorf("storing revision '%s': %w", s.Revision.Text, err)))
	}
	s.Artifact = stored
	s.Changed = !s.Current.HasDigest(stored.Digest)
	if s.Changed {
		s.Tell(reconciler.Note{
			Reason: meta.ReasonNewArtifact, Message: "stored artifact for " + s.Tree.Summary,
		})
	}
	return reconciler.Continue()
}

func (p *Phases) store(ctx context.Context, s *Scope) (*meta.Artifact, error) {
	matcher, err := artifact.NewMatcher(s.Tree.FS, s.Ignore)
	if err != nil {
		return nil, err
	}
	return p.Storage.Put(s.Ref, storage.Entry{File: s.Revision.File, Revision: s.Revision.Text}, func(w io.Writer) (storage.Written, error) {
		packed, err := artifact.Pack(ctx, w, s.Tree.FS, artifact.PackOptions{
			Ignore: matcher, MaxBytes: p.MaxSize, Algorithm: p.Digest,
		})
		if err != nil {
			return storage.Written{}, err
		}
		return storage.Written{
			Digest: packed.Digest, Index: packed.Index.Encode(), IndexDigest: packed.Index.Digest(),
		}, nil
	})
}

// collect removes artifacts that nobody needs any more. What it cannot remove it
// tries again at the next pass; the new artifact is no worse for it.
func (p *Phases) collect(ctx context.Context, s *Scope) reconciler.Outcome {
	removed, err := p.Storage.Collect(s.Artifact, s.Current)
	if err != nil {
		s.Tell(reconciler.Note{Severity: reconciler.Error, Reason: meta.ReasonGarbageCollectionFailed, Message: err.Error()})
	}
	if len(removed) > 0 {
		logf.FromContext(ctx).V(1).Info("removed old artifacts", "files", removed)
	}
	return done(s)
}

// remove deletes everything stored for a deleted object.
func (p *Phases) remove(_ context.Context, s *Scope) reconciler.Outcome {
	return reconciler.Fail(fault.Retry(meta.ReasonGarbageCollectionFailed, p.Storage.Remove(s.Ref)))
}
