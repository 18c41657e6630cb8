package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

const (
	// Type is the type of the Secrets that hold snapshots. Nothing else is ever
	// collected, whatever its labels say: a type cannot be changed.
	Type corev1.SecretType = meta.PrefixOwn + "pruned"

	// LabelPruned names the unit, shortened where it is too long.
	LabelPruned = meta.PrefixOwn + "pruned"
	// LabelSnapshot is the same on all Secrets of one snapshot.
	LabelSnapshot = meta.PrefixOwn + "snapshot"

	// AnnotationExpires is when the snapshot is collected, as RFC 3339; it may be
	// edited to keep a snapshot for longer.
	AnnotationExpires = meta.PrefixOwn + "expires"
	// AnnotationRevision is the revision at which the objects were pruned.
	AnnotationRevision = meta.PrefixOwn + "revision"
	// AnnotationObjects is the number of objects in the snapshot.
	AnnotationObjects = meta.PrefixOwn + "objects"
	// AnnotationPart is which Secret of how many this is.
	AnnotationPart = meta.PrefixOwn + "part"

	// AnnotationSnapshot with the value "disabled" lets a unit prune without
	// a snapshot.
	AnnotationSnapshot = meta.PrefixOwn + "snapshot"

	// Field is the field of the Secrets that holds the objects.
	Field = "objects.yaml.gz"
)

const (
	namePrefix = "capstan-pruned-"
	// maxName leaves room in 253 characters for what stands around the name.
	maxName  = 200
	maxLabel = 63
	idLength = 16
)

// Declined reports that a unit wants no snapshots.
func Declined(unit metav1.Object) bool {
	return strings.EqualFold(unit.GetAnnotations()[AnnotationSnapshot], meta.DisabledValue)
}

// unitAnnotation is the annotation that names the unit, as in
// "capstan.dev/kustomization".
func unitAnnotation(kind string) string { return meta.PrefixOwn + strings.ToLower(kind) }

// nameOf names a Secret of a snapshot. Lists come sorted by name, so parts are
// numbered with leading zeros.
func nameOf(unit, id string, part int) string {
	return fmt.Sprintf("%s%s-%s-%03d", namePrefix, shortened(unit, maxName), id, part+1)
}

// shortened cuts a name to a length; a digest distinguishes names that differ in what is cut off.
func shortened(name string, most int) string {
	if len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	suffix := "-" + hex.EncodeToString(sum[:4])
	return strings.TrimRight(name[:most-len(suffix)], "-.") + suffix
}
