package v1

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// UnmarshalJSON reads a spec. One that was stored before its schema was what it is
// now may not fit the type: it is read as empty, and Unreadable says why, so that
// one such object does not keep all others of a list from being read.
func (in *KustomizationSpec) UnmarshalJSON(data []byte) error {
	type plain KustomizationSpec
	read := plain{}
	if err := json.Unmarshal(data, &read); err != nil {
		read = plain{Unreadable: err.Error()}
	}
	*in = KustomizationSpec(read)
	return nil
}

// timeoutMargin is what a timeout that is not given stays below the interval, and
// the shortest it can be.
const timeoutMargin = 30 * time.Second

// GetInterval returns the interval.
func (in *Kustomization) GetInterval() (time.Duration, error) {
	if in.Spec.Unreadable != "" {
		return 0, fmt.Errorf("reading spec: it is not that of a Kustomization: %s", in.Spec.Unreadable)
	}
	d, err := in.Spec.Interval.Parse()
	if err != nil {
		return 0, fmt.Errorf("reading spec.interval: %w", err)
	}
	return d, nil
}

// GetRetryInterval returns the interval between attempts after a failure: that of
// the spec, or the interval.
func (in *Kustomization) GetRetryInterval() (time.Duration, error) {
	if in.Spec.RetryInterval == "" {
		return in.GetInterval()
	}
	d, err := in.Spec.RetryInterval.Parse()
	if err != nil {
		return 0, fmt.Errorf("reading spec.retryInterval: %w", err)
	}
	return d, nil
}

// GetTimeout returns the timeout of a reconcile: that of the spec, or the interval
// less 30 seconds and at least 30 seconds.
func (in *Kustomization) GetTimeout() (time.Duration, error) {
	if in.Spec.Timeout != "" {
		d, err := in.Spec.Timeout.Parse()
		if err != nil {
			return 0, fmt.Errorf("reading spec.timeout: %w", err)
		}
		return d, nil
	}
	interval, err := in.GetInterval()
	if err != nil {
		return 0, err
	}
	return max(interval-timeoutMargin, timeoutMargin), nil
}

// GetDeletionPolicy returns the deletion policy: that of the spec, or MirrorPrune.
func (in *Kustomization) GetDeletionPolicy() string {
	if in.Spec.DeletionPolicy == "" {
		return DeletionPolicyMirrorPrune
	}
	return in.Spec.DeletionPolicy
}

// GetDriftMode returns what is done about drift: the mode of the spec, or enabled.
func (in *Kustomization) GetDriftMode() meta.DriftMode {
	if in.Spec.DriftDetection == nil || in.Spec.DriftDetection.Mode == "" {
		return meta.DriftEnabled
	}
	return in.Spec.DriftDetection.Mode
}

// GetSourceNamespace returns the namespace of the source.
func (in *Kustomization) GetSourceNamespace() string {
	if in.Spec.SourceRef.Namespace == "" {
		return in.Namespace
	}
	return in.Spec.SourceRef.Namespace
}

// CommonStatus returns the common part of the status.
func (in *Kustomization) CommonStatus() *meta.CommonStatus { return &in.Status.CommonStatus }

// Suspended reports whether the object is to be left alone.
func (in *Kustomization) Suspended() bool { return in.Spec.Suspend }

// GetConditions returns the conditions of the object.
func (in *Kustomization) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces the conditions of the object.
func (in *Kustomization) SetConditions(conditions []metav1.Condition) {
	in.Status.Conditions = conditions
}

// The kind fulfils the traits it is meant to have.
var (
	_ meta.Reconciled  = (*Kustomization)(nil)
	_ meta.Conditioned = (*Kustomization)(nil)
)
