// Package placement finds the cluster that a unit is applied to, and the identity
// that it is applied with.
package placement

import (
	"cmp"
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/delivery/cluster"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

// Request says where a unit asks to be applied, and as whom.
type Request struct {
	// Unit is the name of the unit.
	Unit types.NamespacedName
	// ServiceAccount in the namespace of the unit is impersonated; empty leaves it
	// to the default of the installation.
	ServiceAccount string
	// KubeConfig is spec.kubeConfig; nil is the cluster the controller runs in.
	KubeConfig *meta.KubeConfigReference
}

// Placer finds clusters. It is safe for concurrent use.
type Placer struct {
	Pool       *cluster.Pool
	References *reference.Store
	// ServiceAccount is impersonated for units that name none; empty is the
	// controller's own identity.
	ServiceAccount string
	// Allowed says what kubeconfigs are believed.
	Allowed kubeconfig.Options
	// Cloud connects to the cluster that the texts of a ConfigMap describe.
	Cloud func(ctx context.Context, unit types.NamespacedName, texts map[string]string) (*kubeconfig.Endpoint, error)
}

// Place returns the cluster under the identity. It fails with
// cluster.ErrNoConfiguration if the object that describes the cluster is missing.
func (p *Placer) Place(ctx context.Context, r Request) (*cluster.Handle, error) {
	id, err := p.identity(r)
	if err != nil {
		return nil, err
	}
	if r.KubeConfig == nil {
		return p.Pool.Place(ctx, r.Unit, id, nil)
	}
	ref := Reference(r.Unit.Namespace, r.KubeConfig)
	version, err := p.References.Version(ctx, ref)
	if err != nil {
		return nil, err
	}
	return p.Pool.Place(ctx, r.Unit, id, &cluster.Remote{
		Key: Key(r.Unit.Namespace, r.KubeConfig), Version: version,
		Open: func(ctx context.Context) (*kubeconfig.Endpoint, error) { return p.open(ctx, r, ref) },
	})
}

// identity is on whose behalf a unit is applied.
func (p *Placer) identity(r Request) (tenancy.Identity, error) {
	account := cmp.Or(r.ServiceAccount, p.ServiceAccount)
	if account == "" {
		return tenancy.Controller(), nil
	}
	return tenancy.ServiceAccount(r.Unit.Namespace, account)
}

// open reads how another cluster is reached.
func (p *Placer) open(ctx context.Context, r Request, ref reference.Reference) (*kubeconfig.Endpoint, error) {
	data, err := p.References.Data(ctx, ref)
	if err == nil && data == nil {
		err = cluster.ErrNoConfiguration
	}
	var target *kubeconfig.Endpoint
	if err == nil {
		target, err = p.target(ctx, r, ref, data)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	return target, nil
}

func (p *Placer) target(ctx context.Context, r Request, ref reference.Reference, data map[string][]byte) (*kubeconfig.Endpoint, error) {
	if ref.Kind == reference.KindSecret {
		content, err := kubeconfig.Select(data, r.KubeConfig.SecretRef.Key)
		if err != nil {
			return nil, err
		}
		return kubeconfig.Parse(content, p.Allowed)
	}
	texts := make(map[string]string, len(data))
	for name, value := range data {
		texts[name] = string(value)
	}
	return p.Cloud(ctx, r.Unit, texts)
}

// Reference is the object that says how another cluster is reached.
func Reference(namespace string, config *meta.KubeConfigReference) reference.Reference {
	if ref := config.ConfigMapRef; ref != nil {
		return reference.Reference{
			Field: "spec.kubeConfig.configMapRef", Kind: reference.KindConfigMap, Namespace: namespace, Name: ref.Name,
		}
	}
	ref := reference.Reference{Field: "spec.kubeConfig.secretRef", Kind: reference.KindSecret}
	if config.SecretRef != nil { // the schema asks for one of the two
		ref.Namespace, ref.Name = namespace, config.SecretRef.Name
	}
	return ref
}

// Key names the cluster that spec.kubeConfig describes: empty for the one the
// controller runs in.
func Key(namespace string, config *meta.KubeConfigReference) string {
	if config == nil {
		return ""
	}
	ref := Reference(namespace, config)
	name := ref.Kind + "/" + ref.Namespace + "/" + ref.Name
	if secret := config.SecretRef; secret != nil && secret.Key != "" {
		name += "/" + secret.Key
	}
	return name
}
