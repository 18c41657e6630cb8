package apply

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/normal"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// verify compares the answer to a dry-run with what is there. With the object in
// the live table no read is needed: an apply that changes nothing leaves the
// fingerprint as it is.
func (a *Applier) verify(ctx context.Context, o object, answer *unstructured.Unstructured) (checked, error) {
	if !exists(answer) {
		return o.ended(Missing), nil
	}
	fingerprint := a.opts.Owner.Fingerprint(answer)
	same, known := a.sameAsSeen(o, answer, fingerprint)
	if !known {
		current, err := a.wire.Get(ctx, o.at, true)
		if err != nil {
			return checked{}, err
		}
		same = normal.SameContent(current, answer) && (!o.Tidy || a.opts.Owner.Fingerprint(current).Strong == fingerprint.Strong)
	}
	if !same || o.Tidy && a.orderly(o, answer).Due(answer) {
		return o.ended(Drifted), nil
	}
	return a.verified(o, answer, fingerprint), nil
}

// sameAsSeen compares the answer to a dry-run with the live table; known is
// false when the table has not seen the version that the dry-run started from,
// or counts no generations by which a change could be recognised.
func (a *Applier) sameAsSeen(o object, answer *unstructured.Unstructured, fingerprint inventory.Fingerprint) (same, known bool) {
	if a.opts.Table == nil || answer.GetGeneration() == 0 {
		return false, false
	}
	seen, ok := a.opts.Table.Lookup(o.ID)
	if !ok || seen.ResourceVersion != answer.GetResourceVersion() {
		return false, false
	}
	return seen.Fingerprint == fingerprint, true
}

// verified ends the task of an object that is as it should be: its fingerprint
// becomes the expected one.
func (a *Applier) verified(o object, current *unstructured.Unstructured, fingerprint inventory.Fingerprint) checked {
	c := o.ended(Unchanged)
	c.end.UID, c.end.Fingerprint = current.GetUID(), fingerprint
	if a.opts.Table != nil {
		a.opts.Table.Verified(o.unit, o.ID, fingerprint)
	}
	return c
}
