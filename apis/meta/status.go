package meta

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CommonStatus is the part of the status that every reconciled kind has.
type CommonStatus struct {
	// ObservedGeneration is the last generation of the object that a reconcile
	// finished with success, or gave up on; -1 before the first one.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions tell how the object is: Ready first of all.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// LastHandledReconcileAt is the value of the annotation
	// reconcile.fluxcd.io/requestedAt that was handled last.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
}

// Snapshot is an entry in the history of a Kustomization: a digest that was
// applied, and how that went.
type Snapshot struct {
	// Digest of what was applied.
	Digest string `json:"digest"`

	// FirstReconciled is when the digest was applied first.
	FirstReconciled metav1.Time `json:"firstReconciled"`

	// LastReconciled is when the digest was applied last.
	LastReconciled metav1.Time `json:"lastReconciled"`

	// LastReconciledDuration is how long the last reconcile took.
	LastReconciledDuration Duration `json:"lastReconciledDuration"`

	// LastReconciledStatus is the reason of the Ready condition after the last
	// reconcile.
	LastReconciledStatus string `json:"lastReconciledStatus"`

	// TotalReconciliations counts the reconciles that led to this digest.
	TotalReconciliations int64 `json:"totalReconciliations"`

	// Metadata about the digest, for example its revision.
	// +optional
	Metadata map[string]string `json:"metadata,omitempty"`
}
