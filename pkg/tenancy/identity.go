package tenancy

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// serviceAccountPrefix begins the user name of every ServiceAccount.
const serviceAccountPrefix = "system:serviceaccount:"

var (
	// errNoIdentity says that somebody forgot to decide on whose behalf to act.
	errNoIdentity = errors.New("making a client: no identity was given")
	// errImpersonates says that two would be impersonated at once.
	errImpersonates = errors.New("making a client: the configuration to start from impersonates somebody already")
)

type kind uint8

const (
	// nobody is the kind of the zero value.
	nobody kind = iota
	controller
	serviceAccount
)

// Identity is on whose behalf requests are made. Functions of this package make
// all there are; equal identities compare equal, so that an Identity may be the
// key of a map. The zero value is nobody and reaches nothing.
type Identity struct {
	kind    kind
	account types.NamespacedName
}

// Controller is the identity of the controller itself.
func Controller() Identity { return Identity{kind: controller} }

// ServiceAccount is the identity of a ServiceAccount, which is impersonated. A
// name that no ServiceAccount can have is refused, because a user name made of it
// could be that of somebody else.
func ServiceAccount(namespace, name string) (Identity, error) {
	if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
		return Identity{}, unusable("namespace", namespace, problems)
	}
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return Identity{}, unusable("ServiceAccount", name, problems)
	}
	return Identity{kind: serviceAccount, account: types.NamespacedName{Namespace: namespace, Name: name}}, nil
}

func unusable(what, name string, problems []string) error {
	const shown = 64
	if len(name) > shown {
		name = name[:shown] + "…"
	}
	return fault.Retry(meta.ReasonReconciliationFailed,
		fmt.Errorf("impersonating a ServiceAccount: %q is no name of a %s: %s", name, what, strings.Join(problems, "; ")))
}

// IsZero reports whether nobody decided on whose behalf to act.
func (i Identity) IsZero() bool { return i.kind == nobody }

// Account returns the ServiceAccount that is impersonated, if one is.
func (i Identity) Account() (types.NamespacedName, bool) {
	return i.account, i.kind == serviceAccount
}

// String returns the user name as whom requests are made, "controller" for the
// controller itself and "nobody" for the zero value.
func (i Identity) String() string {
	switch i.kind {
	case controller:
		return "controller"
	case serviceAccount:
		return serviceAccountPrefix + i.account.Namespace + ":" + i.account.Name
	default:
		return "nobody"
	}
}

// Config returns the client configuration by which the identity reaches the
// cluster that base points at. Base has to hold credentials that may impersonate
// the identity; one that impersonates somebody itself is refused.
func Config(base *rest.Config, id Identity) (*rest.Config, error) {
	if id.IsZero() {
		return nil, errNoIdentity
	}
	if impersonates(base.Impersonate) {
		return nil, errImpersonates
	}
	config := rest.CopyConfig(base)
	if id.kind == serviceAccount {
		config.Impersonate = rest.ImpersonationConfig{UserName: id.String()}
	}
	return config, nil
}

func impersonates(c rest.ImpersonationConfig) bool {
	return c.UserName != "" || c.UID != "" || len(c.Groups) > 0 || len(c.Extra) > 0
}
