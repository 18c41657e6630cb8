// Package tenancy says on whose behalf requests to a cluster are made. A client
// configuration cannot be had without an Identity, and the zero Identity is
// refused: client-go sends a request without impersonation headers when user and
// groups are empty, which would act with the controller's own rights.
//
// This version knows one identity, the controller's own.
package tenancy

import (
	"errors"
	"fmt"

	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// errNoIdentity says that somebody forgot to decide on whose behalf to act.
var errNoIdentity = errors.New("making a client: no identity was given")

// Identity is on whose behalf requests are made. Functions of this package make
// all there are.
type Identity struct {
	controller bool
}

// Controller is the identity of the controller itself.
func Controller() Identity { return Identity{controller: true} }

// Config returns the client configuration by which the identity reaches the
// cluster that base points at.
func Config(base *rest.Config, id Identity) (*rest.Config, error) {
	if !id.controller {
		return nil, errNoIdentity
	}
	return rest.CopyConfig(base), nil
}

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
