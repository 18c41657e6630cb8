package meta

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Artifact is what a source has stored and serves.
type Artifact struct {
	// Path of the file below the root of the storage, as in
	// "gitrepository/<namespace>/<name>/<file>".
	Path string `json:"path"`

	// URL at which the file can be fetched with GET inside the cluster.
	URL string `json:"url"`

	// Revision in the form of the source kind, as in "main@sha1:<commit>".
	Revision string `json:"revision"`

	// Digest of the file as served, as in "sha256:<hex>". Whoever fetches the file
	// has to check it.
	// +kubebuilder:validation:Pattern="^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"
	Digest string `json:"digest"`

	// LastUpdateTime is when the file was written.
	LastUpdateTime metav1.Time `json:"lastUpdateTime"`

	// Size of the file in bytes.
	// +optional
	Size *int64 `json:"size,omitempty"`

	// Metadata about the origin, for example the annotations of an OCI manifest.
	// Keys below capstan.dev/ are written by source-controller only.
	// +optional
	Metadata map[string]string `json:"metadata,omitempty"`
}

// HasRevision reports whether the artifact is of the given revision; a nil artifact
// is of none.
func (a *Artifact) HasRevision(revision string) bool {
	return a != nil && a.Revision == revision
}

// HasDigest reports whether the artifact has the given digest; a nil artifact has
// none.
func (a *Artifact) HasDigest(digest string) bool {
	return a != nil && a.Digest == digest
}

// Equal reports whether both artifacts are the same file at the same place, whenever
// it was written.
func (a *Artifact) Equal(other *Artifact) bool {
	if a == nil || other == nil {
		return a == other
	}
	return a.Path == other.Path && a.URL == other.URL && a.Revision == other.Revision &&
		a.Digest == other.Digest && maps.Equal(a.Metadata, other.Metadata)
}
