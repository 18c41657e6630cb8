package meta

// DriftMode says what is done about drift.
//
// +kubebuilder:validation:Enum=enabled;warn;disabled
type DriftMode string

// Values of spec.driftDetection.mode.
const (
	// DriftEnabled corrects drift.
	DriftEnabled DriftMode = "enabled"

	// DriftWarn reports drift in the condition Drifted and leaves it.
	DriftWarn DriftMode = "warn"

	// DriftDisabled does nothing about drift between reconciles; what a reconcile
	// makes of it depends on the kind.
	DriftDisabled DriftMode = "disabled"
)

// IgnoreRule names fields of objects that are left to others.
type IgnoreRule struct {
	// Paths are JSON pointers to the fields, as in "/spec/replicas".
	Paths []string `json:"paths"`

	// Target picks the objects. Default: all.
	// +optional
	Target *Selector `json:"target,omitempty"`
}
