package tenancy

import (
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// CheckReference refuses a reference into another namespace where those are
// switched off. Field is the path of the reference, as in "spec.sourceRef".
func CheckReference(field, own, referred string, noCrossNamespace bool) error {
	if !noCrossNamespace || referred == "" || referred == own {
		return nil
	}
	return fault.Stalled(meta.ReasonAccessDenied,
		fmt.Errorf("reading %s: it refers to namespace %s, and references across namespaces are switched off", field, referred),
		fault.Hint("use an object in namespace %s", own))
}
