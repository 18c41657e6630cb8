package controller

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/status"
	"github.com/capstan-gitops/capstan/source-controller/internal/phase"
)

// ownedConditions lists the conditions that source kinds have beside Ready.
func ownedConditions() []string {
	return []string{
		meta.ConditionArtifactInStorage, meta.ConditionArtifactOutdated,
		meta.ConditionFetchFailed, meta.ConditionStorageOperationFailed,
	}
}

// sourceConditions derives the conditions of a source kind. The negative ones
// exist only while they are true.
func sourceConditions(s *phase.Scope, v reconciler.Verdict) []status.Own {
	if v.OK() {
		return append(status.Absent(meta.ConditionArtifactOutdated, meta.ConditionFetchFailed, meta.ConditionStorageOperationFailed),
			status.Own{Type: meta.ConditionArtifactInStorage, Status: metav1.ConditionTrue, Reason: v.Reason, Message: v.Message})
	}
	var own []status.Own
	if s.Current == nil {
		own = append(own, status.Absent(meta.ConditionArtifactInStorage)...)
	}
	if s.Outdated {
		own = append(own, status.Own{
			Type: meta.ConditionArtifactOutdated, Status: metav1.ConditionTrue, Reason: meta.ReasonNewRevision,
			Message: fmt.Sprintf("new upstream revision '%s'", s.Revision.Text),
		})
	}
	if !v.Failed() {
		return own
	}
	failed, other := meta.ConditionFetchFailed, meta.ConditionStorageOperationFailed
	if v.Phase == phase.NamePublish || v.Phase == phase.NamePrepare && v.Reason != meta.ReasonFieldNotSupported {
		failed, other = other, failed
	}
	return append(append(own, status.Absent(other)...),
		status.Own{Type: failed, Status: metav1.ConditionTrue, Reason: v.Reason, Message: v.Message})
}

// artifactAnnotations are added to every event about a source.
func artifactAnnotations(s *phase.Scope) map[string]string {
	shown := s.Artifact
	if shown == nil {
		shown = s.Current
	}
	if shown == nil {
		return nil
	}
	return map[string]string{"revision": shown.Revision, "digest": shown.Digest}
}

// recovered is told when a source works again and nothing else told so.
func recovered(s *phase.Scope, _ reconciler.Timing) reconciler.Note {
	if s.Changed || s.Artifact == nil {
		return reconciler.Note{}
	}
	return reconciler.Note{Message: fmt.Sprintf("stored artifact for revision '%s'", s.Artifact.Revision)}
}
