package meta

// Selector picks objects of a build. All fields that are set have to match; name,
// namespace, group, version and kind are regular expressions that are anchored at
// both ends.
type Selector struct {
	// Group of the objects' API.
	// +optional
	Group string `json:"group,omitempty"`

	// Version of the objects' API.
	// +optional
	Version string `json:"version,omitempty"`

	// Kind of the objects.
	// +optional
	Kind string `json:"kind,omitempty"`

	// Namespace of the objects.
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// Name of the objects.
	// +optional
	Name string `json:"name,omitempty"`

	// AnnotationSelector is a selector over annotations in the syntax of label
	// selectors.
	// +optional
	AnnotationSelector string `json:"annotationSelector,omitempty"`

	// LabelSelector is a label selector, as in "app=web,tier!=cache".
	// +optional
	LabelSelector string `json:"labelSelector,omitempty"`
}

// Patch changes objects of a build.
type Patch struct {
	// Patch is the YAML text of a strategic merge patch, or of a JSON 6902 patch.
	// One that does not apply fails the build with BuildFailed.
	Patch string `json:"patch"`

	// Target picks the objects to patch. Default: the object that a strategic
	// merge patch names.
	// +optional
	Target *Selector `json:"target,omitempty"`
}

// Image replaces name, tag or digest of a container image throughout a build.
type Image struct {
	// Name of the image as the manifests write it, without tag.
	Name string `json:"name"`

	// NewName replaces the name. Default: unchanged.
	// +optional
	NewName string `json:"newName,omitempty"`

	// NewTag replaces the tag. Default: unchanged.
	// +optional
	NewTag string `json:"newTag,omitempty"`

	// Digest replaces the tag; if it is set, newTag is ignored.
	// +optional
	Digest string `json:"digest,omitempty"`
}

// HealthCheckExprs says with CEL expressions over an object when objects of a kind
// are healthy.
type HealthCheckExprs struct {
	// APIVersion of the objects.
	APIVersion string `json:"apiVersion"`

	// Kind of the objects. Default: every kind of the API version.
	// +optional
	Kind string `json:"kind,omitempty"`

	// Current is true when the object has reached its goal.
	Current string `json:"current"`

	// InProgress is true while the object is on its way. Judged before failed.
	// +optional
	InProgress string `json:"inProgress,omitempty"`

	// Failed is true when the object cannot reach its goal. Judged before current.
	// +optional
	Failed string `json:"failed,omitempty"`
}
