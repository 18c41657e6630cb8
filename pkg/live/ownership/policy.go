package ownership

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Values of policies.
const (
	// PolicyDisabled switches reconcile or prune off for an object.
	PolicyDisabled = "disabled"
	// PolicyEnabled switches force on for an object.
	PolicyEnabled = "enabled"
	// PolicyIgnore, in ssa, leaves the object alone.
	PolicyIgnore = "ignore"
	// PolicyIfNotPresent, in ssa, creates the object and then leaves it alone.
	PolicyIfNotPresent = "ifnotpresent"
	// PolicyAllowed, in deletion, lets the object be deleted whatever the budget is.
	PolicyAllowed = "allowed"
	// PolicyProtected, in deletion, holds the deletion of the object.
	PolicyProtected = "protected"
	// PolicyMerge, in ssa, applies without taking over fields of others.
	PolicyMerge = "merge"
)

// Policy is what annotations or labels on an object ask for, in lower case.
type Policy struct {
	Reconcile, SSA, Prune, Force string
	// Deletion is empty, PolicyAllowed or PolicyProtected.
	Deletion string
}

// Policy reads the policies on an object. Where an annotation and a label
// disagree, the one that has an effect counts.
func (o *Owner) Policy(obj metav1.Object) Policy {
	annotations, labels := obj.GetAnnotations(), obj.GetLabels()
	value := func(name string, effective ...string) string {
		a := strings.ToLower(annotations[o.names.PolicyPrefix+name])
		l := strings.ToLower(labels[o.names.PolicyPrefix+name])
		if a == "" || (slices.Contains(effective, l) && !slices.Contains(effective, a)) {
			return l
		}
		return a
	}
	return Policy{
		Reconcile: value("reconcile", PolicyDisabled),
		SSA:       value("ssa", PolicyIgnore, PolicyIfNotPresent, PolicyMerge),
		Prune:     value("prune", PolicyDisabled),
		Force:     value("force", PolicyEnabled),
		Deletion:  deletionOf(annotations, labels),
	}
}

// deletionOf reads capstan.dev/deletion. Where annotation and label disagree protection
// wins; so it does for a value that is neither, because whoever wrote it had
// something in mind.
func deletionOf(sources ...map[string]string) string {
	deletion := ""
	for _, values := range sources {
		value, ok := values[meta.AnnotationDeletion]
		switch {
		case !ok:
		case strings.EqualFold(value, PolicyAllowed):
			if deletion == "" {
				deletion = PolicyAllowed
			}
		default:
			deletion = PolicyProtected
		}
	}
	return deletion
}

// Excluded reports that the object is neither applied nor deleted.
func (p Policy) Excluded() bool {
	return p.Reconcile == PolicyDisabled || p.SSA == PolicyIgnore
}

// Kept reports that the object is not deleted.
func (p Policy) Kept() bool { return p.Excluded() || p.Prune == PolicyDisabled }
