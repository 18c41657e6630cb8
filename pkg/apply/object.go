package apply

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// retained is the size up to which an object that was encoded for its dry-run is
// kept so for its apply.
const retained = 64 << 10

// object is the object of a task with what all steps need to know about it.
type object struct {
	*Task
	unit live.Unit
	// policy is what the desired object asks for.
	policy ownership.Policy
	// at is where the API server has the object.
	at wire.Ref
	// full says that the answers to applies have to be whole objects.
	full bool
}

// checked is a validated object, and what is to be done about it.
type checked struct {
	object
	// end is the outcome when nothing is left to be written.
	end *Result
	// seen is the answer to the dry-run; nil when there was none.
	seen *unstructured.Unstructured
	// payload is the object as it was encoded for the dry-run, if it is small.
	payload *wire.Payload
	// recreate says that the object has to be deleted first.
	recreate bool
}

// written is an object after its task.
type written struct {
	object
	Result
	// answer is that of the apply; nil when there was none.
	answer *unstructured.Unstructured
}

// ended is the object when nothing is left to be written.
func (o object) ended(action Action) checked {
	r := resultOf(o.Task, action)
	return checked{object: o, end: &r}
}

// encode writes the desired object as it is sent.
func (o object) encode() (wire.Payload, error) { return wire.Encode(o.Object) }

// encoded returns the desired object as it is sent.
func (c checked) encoded() (wire.Payload, error) {
	if c.payload != nil {
		return *c.payload, nil
	}
	return c.encode()
}

// exists reports that the answer to a dry-run found the object: one that would be
// created has no resource version yet.
func exists(answer *unstructured.Unstructured) bool {
	return answer != nil && answer.GetResourceVersion() != ""
}
