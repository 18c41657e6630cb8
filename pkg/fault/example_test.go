package fault_test

import (
	"errors"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// The edge that knows the cause classifies an error once. Layers above wrap it as
// they would any other, and the reconciler reads the facts.
func Example() {
	refused := errors.New("the server answered 401")
	err := fault.Stalled(meta.ReasonAuthenticationFailed, refused, fault.Hint("check the Secret in spec.secretRef"))
	err = fmt.Errorf("resolving branch main: %w", err)

	f := fault.Of(err)
	fmt.Println("class:", f.Class)
	fmt.Println("reason:", f.Reason)
	fmt.Println("message:", err)
	fmt.Println("cause is kept:", errors.Is(err, refused))
	// Output:
	// class: stalled
	// reason: AuthenticationFailed
	// message: resolving branch main: the server answered 401: check the Secret in spec.secretRef
	// cause is kept: true
}

// An error that nobody classified may pass by itself.
func ExampleOf() {
	f := fault.Of(errors.New("connection reset"))
	fmt.Println(f.Class, f.Reason)
	// Output: retry ReconciliationFailed
}
