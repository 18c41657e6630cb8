package controller

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/phase"
	"github.com/capstan-gitops/capstan/pkg/delivery/ledger"
	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/status"
)

const (
	// maxHistory is how many entries status.history keeps.
	maxHistory = 5
	// maxNamed is how many objects the status names.
	maxNamed = 10
	// maxInventory bounds the inventory with its ledger, in bytes; refOverhead is
	// what an entry takes beside its texts.
	maxInventory = 1 << 20
	refOverhead  = 24
	// originRevision is the key of the artifact's metadata that holds the revision
	// of what the artifact was made from.
	originRevision = "org.opencontainers.image.revision"
)

func ownedConditions() []string {
	return []string{meta.ConditionHealthy, meta.ConditionDrifted, meta.ConditionUnwatched, meta.ConditionFieldsDropped}
}

// conditions derives the conditions of the kind's own.
func conditions(s *phase.Scope, v reconciler.Verdict) []status.Own {
	return append(healthy(s, v), drifted(s), unwatched(s), dropped(s))
}

// unwatched exists only while there are kinds whose objects no watch sees.
func unwatched(s *phase.Scope) status.Own {
	if len(s.Live.Unwatchable) == 0 {
		return status.Own{Type: meta.ConditionUnwatched}
	}
	named := make([]string, 0, len(s.Live.Unwatchable))
	for kind, why := range s.Live.Unwatchable {
		named = append(named, fmt.Sprintf("%s: %s", kind, why))
	}
	return status.Own{
		Type: meta.ConditionUnwatched, Status: metav1.ConditionTrue, Reason: meta.ReasonKindNotWatched,
		Message: "Drift is found at the interval only for " + list(named),
	}
}

// dropped exists only while there are objects that were applied without some of
// their fields.
func dropped(s *phase.Scope) status.Own {
	lines := ledger.Dropped(s.Inventory)
	if len(lines) == 0 {
		return status.Own{Type: meta.ConditionFieldsDropped}
	}
	return status.Own{
		Type: meta.ConditionFieldsDropped, Status: metav1.ConditionTrue, Reason: meta.ReasonFieldsDropped,
		Message: ledger.AppliedWithout + list(lines),
	}
}

// list joins sorted texts with semicolons and names ten at most.
func list(texts []string) string {
	slices.Sort(texts)
	more := ""
	if len(texts) > maxNamed {
		texts, more = texts[:maxNamed], fmt.Sprintf(" and %d more", len(texts)-maxNamed)
	}
	return strings.Join(texts, "; ") + more
}

// drifted exists only while somebody keeps changing what is applied, or another
// unit claims it too.
func drifted(s *phase.Scope) status.Own {
	var named []string
	for id, found := range s.Live.Objects {
		if found.State == drift.Foreign && slices.Contains(s.Attempt.Desired, id) {
			named = append(named, fmt.Sprintf("%s by Kustomization %s, which has it in its source as well", id.Subject(), found.Owner))
		}
	}
	for id, fight := range s.State.Corrections.Fights {
		if fight.Reported() {
			named = append(named, fmt.Sprintf("%s by %s", id.Subject(), cmp.Or(fight.Rival, "an unknown writer")))
		}
	}
	message := "Does not stay as applied, because it keeps being changed: "
	if len(named) == 0 {
		message = "Is not as it was applied, and is left so: "
		for id, drift := range s.State.Corrections.Drift {
			named = append(named, drift.String(id))
		}
	}
	if len(named) == 0 {
		return status.Own{Type: meta.ConditionDrifted}
	}
	return status.Own{
		Type: meta.ConditionDrifted, Status: metav1.ConditionTrue, Reason: meta.ReasonDriftDetected,
		Message: message + list(named),
	}
}

// driftedObjects lists what is left as it is in the status.
func driftedObjects(s *phase.Scope) []kustomizev1.DriftedObject {
	var out []kustomizev1.DriftedObject
	for id, d := range s.State.Corrections.Drift {
		out = append(out, kustomizev1.DriftedObject{
			Object: id.Subject(), Since: metav1.NewTime(d.Since.Truncate(time.Second)), Missing: d.Gone,
			Manager: d.By.Manager, Fields: d.By.Fields,
		})
	}
	slices.SortFunc(out, func(a, b kustomizev1.DriftedObject) int { return strings.Compare(a.Object, b.Object) })
	return out[:min(len(out), maxNamed)]
}

// healthy exists only while a health check is asked for.
func healthy(s *phase.Scope, v reconciler.Verdict) []status.Own {
	healthy := status.Own{Type: meta.ConditionHealthy}
	switch {
	case !s.Object.Spec.Wait && len(s.Object.Spec.HealthChecks) == 0:
		return []status.Own{healthy}
	case s.Healthy == phase.HealthPassed, v.OK(): // what is Ready was found healthy, if not in this pass
		healthy.Status, healthy.Reason, healthy.Message = metav1.ConditionTrue, meta.ReasonSucceeded, "Health check passed"
	case s.Healthy == phase.HealthFailed:
		healthy.Status, healthy.Reason, healthy.Message = metav1.ConditionFalse, meta.ReasonHealthCheckFailed, v.Message
	case s.Healthy == phase.HealthAwaited:
		healthy.Status, healthy.Reason, healthy.Message = metav1.ConditionUnknown, meta.ReasonProgressing, v.Message
	default:
		return nil // nothing new is known
	}
	return []status.Own{healthy}
}

// record writes the fields of the status.
func record(obj *kustomizev1.Kustomization, s *phase.Scope, v reconciler.Verdict) {
	recordInventory(obj, s, v)
	if s.Artifact == nil || s.Attempt.Inputs == "" {
		return // the pass ended before it read the artifact
	}
	obj.Status.LastAttemptedRevision = s.Artifact.Revision
	if v.OK() {
		obj.Status.LastAppliedRevision = s.Artifact.Revision
		obj.Status.LastAppliedOriginRevision = s.Artifact.Metadata[originRevision]
	}
	if v.OK() && s.Changed || v.Failed() && v.Reason != lastReason(obj) {
		recordHistory(obj, s, v)
	}
}

func recordInventory(obj *kustomizev1.Kustomization, s *phase.Scope, v reconciler.Verdict) {
	if s.Attempt.Inputs == "" {
		return
	}
	if s.Inventory.Len() > 0 || obj.Status.Inventory != nil {
		obj.Status.Inventory = inventory.Encode(s.Inventory, s.InputsDigest, s.Unreadable...)
		dropLedger(obj.Status.Inventory)
	}
	obj.Status.Drift = driftedObjects(s)
	obj.Status.HeldDeletions = nil
	if held := s.Deletion.Held; held != nil && !v.OK() {
		obj.Status.HeldDeletions = &kustomizev1.HeldDeletions{
			Count: int64(len(held.Subjects)), Digest: held.Digest, Reason: held.Reason,
			Entries: held.Subjects[:min(len(held.Subjects), maxNamed)],
		}
	}
	if c := s.Deletion.Confirmed(s.Inventory); c.Digest != "" {
		obj.Status.ConfirmedDeletion = &kustomizev1.ConfirmedDeletion{Digest: c.Digest, Remaining: c.Remaining}
	}
}

// dropLedger leaves the ledger out of an inventory that would make the status too
// large to be stored. It stays in memory, and a restart verifies everything.
func dropLedger(wire *meta.ResourceInventory) {
	size := 0
	for _, ref := range wire.Entries {
		size += len(ref.ID) + len(ref.Version) + len(ref.Ledger) + refOverhead
		for _, field := range ref.Dropped {
			size += len(field) + refOverhead
		}
	}
	if size <= maxInventory {
		return
	}
	for i := range wire.Entries {
		wire.Entries[i].Ledger, wire.Entries[i].Dropped = "", nil
	}
}

// recordHistory enters what was applied, and how that went, into the history.
func recordHistory(obj *kustomizev1.Kustomization, s *phase.Scope, v reconciler.Verdict) {
	if s.Attempt.Objects == "" {
		return
	}
	now := metav1.NewTime(s.Start.Truncate(time.Second))
	entry := meta.Snapshot{
		Digest: s.Attempt.Objects, FirstReconciled: now, LastReconciledStatus: string(v.Reason),
		Metadata: map[string]string{"revision": s.Artifact.Revision},
	}
	if origin := s.Artifact.Metadata[originRevision]; origin != "" {
		entry.Metadata["originRevision"] = origin
	}
	rest := make([]meta.Snapshot, 0, maxHistory)
	for _, old := range obj.Status.History {
		if old.Digest == entry.Digest && old.LastReconciledStatus == entry.LastReconciledStatus {
			entry.FirstReconciled, entry.TotalReconciliations = old.FirstReconciled, old.TotalReconciliations
			continue
		}
		rest = append(rest, old)
	}
	entry.LastReconciled = now
	entry.TotalReconciliations++
	entry.LastReconciledDuration = meta.NewDuration(s.Took.Round(time.Millisecond))
	obj.Status.History = append([]meta.Snapshot{entry}, rest[:min(len(rest), maxHistory-1)]...)
}

// annotations are added to every event about a Kustomization.
func annotations(s *phase.Scope) map[string]string {
	if s.Artifact == nil {
		return nil
	}
	out := map[string]string{"revision": s.Artifact.Revision}
	if origin := s.Artifact.Metadata[originRevision]; origin != "" {
		out["originRevision"] = origin
	}
	return out
}

// success is the event of a success.
func success(s *phase.Scope, t reconciler.Timing) reconciler.Note {
	return reconciler.Note{
		Message:  fmt.Sprintf("Reconciliation finished in %s, next run in %s", s.Took.Round(time.Millisecond), t.Interval),
		Metadata: phase.CommitStatus(),
	}
}

// lastReason is the reason of Ready before the pass.
func lastReason(obj *kustomizev1.Kustomization) meta.Reason {
	if ready := status.Find(obj.Status.Conditions, meta.ConditionReady); ready != nil {
		return meta.Reason(ready.Reason)
	}
	return ""
}
