package apply

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// retained is the size up to which an object that was encoded for its dry-run is
// kept so for its apply.
const retained = 64 << 10

// job is a task on its way through a stage.
type job struct {
	*Task
	at wire.Ref
	// full says that the answers to applies have to be whole objects.
	full bool
	// payload is the encoded object, if it is small.
	payload *wire.Payload
	// answer is that of the dry-run, and then that of the apply; nil when none was
	// made.
	answer *unstructured.Unstructured
	// current is the live object that the dry-run of an object with ignored fields
	// started from; nil when there is none.
	current *unstructured.Unstructured
	// recreate says that the object has to be deleted first.
	recreate bool
	// done says that nothing is left to be applied; result then is the outcome.
	done   bool
	result Result
}

// policy is what the desired object asks for.
func (a *Applier) policy(j *job) ownership.Policy { return a.opts.Owner.Policy(j.Object) }

// finish ends a job without an apply.
func (j *job) finish(action Action) {
	j.done, j.result = true, resultOf(j.Task, action)
}

// exists reports that the dry-run found the object: an object that would be
// created has no resource version yet.
func (j *job) exists() bool { return j.answer != nil && j.answer.GetResourceVersion() != "" }

// encoded returns the desired object as it is sent.
func (j *job) encoded() (wire.Payload, error) {
	if j.payload != nil {
		return *j.payload, nil
	}
	p, err := wire.Encode(j.Object)
	if err == nil && p.Size() <= retained {
		j.payload = &p
	}
	return p, err
}
