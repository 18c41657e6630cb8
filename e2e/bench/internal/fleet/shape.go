package fleet

import (
	"fmt"
	"time"
)

// Tenancy says as whom units apply.
type Tenancy string

const (
	// AsController applies with the rights of the controller.
	AsController Tenancy = ""
	// TenantEach gives every namespace a ServiceAccount with a Role, and has the Kustomizations live there.
	TenantEach Tenancy = "a tenant per namespace"
	// TenantShared has one ServiceAccount, which has a Role in every namespace.
	TenantShared Tenancy = "one tenant"
)

// Shape says what a fleet is made of. Shapes can be compared: cells of the same shape share a world.
type Shape struct {
	// Units and Objects per unit.
	Units, Objects int
	// Wait has units wait until their objects are healthy.
	Wait bool
	// Pods per Deployment; none by default: what is measured are the controllers, not the nodes.
	Pods int
	// OwnSources gives every unit a repository and a GitRepository of its own, made together with it.
	OwnSources bool
	// Tenancy says as whom units apply.
	Tenancy Tenancy
	// Definitions is how many foreign kinds the cluster has.
	Definitions int
	// Padding is how many files the repository has that no unit reads.
	Padding int
	// SharedBy is how many units, from the first on, are built on a base that they share.
	SharedBy int
}

// String describes a shape in a few words.
func (s Shape) String() string {
	text := fmt.Sprintf("%d units of %d objects", s.Units, s.Objects)
	if s.Units == 0 {
		text = "units of its own"
	}
	for _, part := range []struct {
		is   bool
		text string
	}{
		{s.Wait, "waiting"},
		{s.Pods > 0, "with pods"},
		{s.OwnSources, "a source each"},
		{s.Tenancy != AsController, string(s.Tenancy)},
		{s.Definitions > 0, fmt.Sprintf("%d foreign kinds", s.Definitions)},
		{s.Padding > 0, fmt.Sprintf("%d other files", s.Padding)},
	} {
		if part.is {
			text += ", " + part.text
		}
	}
	return text
}

// Unit is one Kustomization and what it applies. All its objects have the same name.
type Unit struct {
	// Name of the Kustomization, its folder and its objects; Namespace of the objects.
	Name, Namespace string
	// Home is the namespace of the Kustomization, Source the name of its GitRepository, which is in the fleet's namespace.
	Home, Source string
	// Spec has fields for the Kustomization, beside those that all have.
	Spec map[string]any
}

// Key names the unit's objects in a table.
func (u Unit) Key() string { return u.Namespace + "/" + u.Name }

// tenant is the name of ServiceAccounts that apply.
const tenant = "tenant"

const (
	// unitsPerNamespace says how many units share a namespace.
	unitsPerNamespace = 50
	// unitsPerTenant does where every namespace is a tenant's.
	unitsPerTenant = 10
	// healthTimeout is how long a unit that waits may wait.
	healthTimeout = 5 * time.Minute
)

// unit returns the i-th unit of a shape.
func (s Shape) unit(i int) Unit {
	per := unitsPerNamespace
	if s.Tenancy == TenantEach {
		per = unitsPerTenant
	}
	u := Unit{
		Name: fmt.Sprintf("unit-%04d", i), Namespace: fmt.Sprintf("bench-%03d", i/per),
		Home: home, Source: repositoryName, Spec: map[string]any{},
	}
	if s.OwnSources {
		u.Source = u.Name
	}
	if s.Wait {
		u.Spec["wait"], u.Spec["timeout"] = true, healthTimeout.String()
	}
	if s.Tenancy != AsController {
		u.Spec["serviceAccountName"] = tenant
	}
	if s.Tenancy == TenantEach {
		u.Home = u.Namespace
	}
	return u
}

// namespaces lists where the units' objects are.
func namespaces(units []Unit) []string {
	var names []string
	for _, u := range units {
		if len(names) == 0 || names[len(names)-1] != u.Namespace {
			names = append(names, u.Namespace)
		}
	}
	return names
}
