package apply

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/apply/dropped"
	"github.com/capstan-gitops/capstan/pkg/apply/ignore"
	"github.com/capstan-gitops/capstan/pkg/apply/normal"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/manifest"
)

// Task is one object to be applied, or to be verified.
type Task struct {
	// Object is the desired object, normalised.
	Object *unstructured.Unstructured
	// ID is its identity.
	ID inventory.ID
	// Known says that the live table sees the object as ours. Alone in its stage,
	// such an object is applied without a dry-run.
	Known bool
	// Force allows the object to be deleted and created anew when it cannot be
	// changed into what is asked for.
	Force bool
	// Verify asks for a dry-run only.
	Verify bool
	// Tidy has a verification also find what is to be taken over from others, and
	// fields that are as they should be and no longer ours.
	Tidy bool
	// Sensitive keeps values of the object out of errors; those of a Secret always
	// are.
	Sensitive bool
	// Ignore are fields that are left to others. An object of which something is
	// ignored is read before it is applied.
	Ignore ignore.Paths
	// Unknown are paths of fields that the server was found not to have; they are not
	// sent again. RefuseUnknown makes such a field an error; in an object of a kind that
	// is not built in it always is one.
	Unknown       []string
	RefuseUnknown bool
	// Answered, if set, is called with the whole object as the server answered its
	// apply. Calls for the objects of a run come from several goroutines.
	Answered func(*unstructured.Unstructured)

	// dropped are the fields that are left out of Object.
	dropped dropped.Fields
}

// Normalize brings a built object into the form in which it is digested and
// applied, with the labels of the unit that owns it; see package normal.
func Normalize(obj *unstructured.Unstructured, unit live.Unit, owner *ownership.Owner) error {
	return normal.Object(obj, unit, owner)
}

func (t *Task) sensitive() bool { return t.Sensitive || manifest.IsSecret(t.Object) }

// Action is what happened to an object, as events name it.
type Action string

// The actions.
const (
	// Created means that the object did not exist.
	Created Action = "created"
	// Configured means that the object was changed.
	Configured Action = "configured"
	// Unchanged means that the object was as it should be.
	Unchanged Action = "unchanged"
	// Skipped means that a policy kept the object from being applied.
	Skipped Action = "skipped"
	// Drifted means that a dry-run would have changed the object.
	Drifted Action = "drifted"
	// Missing means that a dry-run would have created the object.
	Missing Action = "missing"
)

// Result is what is known of one object after its task.
type Result struct {
	// ID is the object, Version the API version it was applied with.
	ID      inventory.ID
	Version string
	// Action is what happened.
	Action Action
	// Fingerprint goes into the ledger; it is zero for a skipped object.
	Fingerprint inventory.Fingerprint
	// UID is that of the live object; empty for one that was not read.
	UID types.UID
	// Dropped names the fields that were left out of the object: the server does not
	// have them, or sets them itself.
	Dropped []string
}

// Entry returns the inventory entry of the object with the given desired digest.
func (r Result) Entry(desired inventory.DesiredDigest) inventory.Entry {
	return inventory.Entry{
		ID: r.ID, Version: r.Version, Record: inventory.Record{Desired: desired, Live: r.Fingerprint}, Dropped: r.Dropped,
	}
}

// Report is the results of a run, in the order of applying. When a run fails it
// holds what was done before.
type Report struct {
	Results []Result
}

// enter adds the results of a rank.
func (r *Report) enter(done []written) {
	for _, w := range done {
		r.Results = append(r.Results, w.Result)
	}
}

func resultOf(t *Task, action Action) Result {
	return Result{ID: t.ID, Version: t.Object.GroupVersionKind().Version, Action: action, Dropped: t.dropped.Report(t.Sensitive)}
}
