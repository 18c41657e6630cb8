package meta

// LocalObjectReference names an object in the namespace of the one that refers to
// it; the field says of which kind.
type LocalObjectReference struct {
	// Name of the object. It is not resolved until it is needed; a missing object
	// is an error of the reconcile that needs it.
	Name string `json:"name"`
}

// NamespacedObjectReference names an object in any namespace; the field says of
// which kind.
type NamespacedObjectReference struct {
	// Name of the object.
	Name string `json:"name"`

	// Namespace of the object. Default: the namespace of the referring object.
	// Another namespace is refused with AccessDenied where cross-namespace
	// references are switched off.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// NamespacedObjectKindReference names an object of any kind in any namespace.
type NamespacedObjectKindReference struct {
	// APIVersion of the object, as in "apps/v1". Default: depends on the field
	// that holds the reference.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the object.
	Kind string `json:"kind"`

	// Name of the object.
	Name string `json:"name"`

	// Namespace of the object. Default: the namespace of the referring object.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// SecretKeyReference names a Secret in the namespace of the referring object and
// a key in it.
type SecretKeyReference struct {
	// Name of the Secret.
	Name string `json:"name"`

	// Key in the Secret's data. Default: depends on the field that holds the
	// reference. A Secret without the key is an error.
	// +optional
	Key string `json:"key,omitempty"`
}

// KubeConfigReference names the cluster to act on, if that is not the one the
// controller runs in.
//
// +kubebuilder:validation:XValidation:rule="has(self.configMapRef) != has(self.secretRef)",message="spec.kubeConfig takes a configMapRef or a secretRef: one of them, not both"
type KubeConfigReference struct {
	// ConfigMapRef names a ConfigMap in the namespace of the object that says how
	// to reach the cluster with a workload identity: keys provider, cluster,
	// address, ca.crt, audiences and serviceAccountName. Exclusive with secretRef.
	// +optional
	ConfigMapRef *LocalObjectReference `json:"configMapRef,omitempty"`

	// SecretRef names a Secret in the namespace of the object that holds a
	// kubeconfig. Default key: "value", then "value.yaml". Exclusive with
	// configMapRef.
	// +optional
	SecretRef *SecretKeyReference `json:"secretRef,omitempty"`
}

// DependencyReference names an object of the same kind that has to be ready
// first.
type DependencyReference struct {
	// Name of the object.
	Name string `json:"name"`

	// Namespace of the object. Default: the namespace of the referring object.
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// ReadyExpr is a CEL expression over self (the referring object) and dep (the
	// dependency) that says when the dependency counts as ready. Default: its
	// Ready condition is True for its current generation. An expression that does
	// not compile stalls the object with InvalidCELExpression.
	// +optional
	ReadyExpr string `json:"readyExpr,omitempty"`
}

// CommonMetadata is put on every object that a reconcile applies.
type CommonMetadata struct {
	// Annotations to add; they win over those in the manifests.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// Labels to add; they win over those in the manifests.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
}
