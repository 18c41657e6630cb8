package controller

import (
	"cmp"
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1 "k8s.io/api/core/v1"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/cluster"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/reference"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/remote"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

// placer finds the cluster that a unit is applied to, and the identity that it is
// applied with.
type placer struct {
	pool       *cluster.Pool
	references *reference.Store
	// account is impersonated for units that name none; empty is the controller.
	account string
	allowed kubeconfig.Options
	cloud   *remote.Resolver
}

func (p *placer) place(ctx context.Context, unit *kustomizev1.Kustomization) (*cluster.Handle, error) {
	id, err := p.identity(unit)
	if err != nil {
		return nil, err
	}
	if unit.Spec.KubeConfig == nil {
		return p.pool.Place(ctx, request.Key(unit), id, nil)
	}
	ref := request.ClusterReference(unit)
	version, err := p.references.Version(ctx, ref)
	if err != nil {
		return nil, err
	}
	return p.pool.Place(ctx, request.Key(unit), id, &cluster.Remote{
		Key: request.Cluster(unit), Version: version,
		Open: func(ctx context.Context) (*kubeconfig.Target, error) { return p.open(ctx, unit, ref) },
	})
}

// identity is on whose behalf a unit is applied.
func (p *placer) identity(unit *kustomizev1.Kustomization) (tenancy.Identity, error) {
	account := cmp.Or(unit.Spec.ServiceAccountName, p.account)
	if account == "" {
		return tenancy.Controller(), nil
	}
	return tenancy.ServiceAccount(unit.Namespace, account)
}

// open reads how another cluster is reached.
func (p *placer) open(ctx context.Context, unit *kustomizev1.Kustomization, ref request.Reference) (*kubeconfig.Target, error) {
	data, err := p.references.Data(ctx, ref)
	if err == nil && data == nil {
		err = cluster.ErrNoConfiguration
	}
	var target *kubeconfig.Target
	if err == nil {
		target, err = p.target(ctx, unit, ref, data)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	return target, nil
}

func (p *placer) target(ctx context.Context, unit *kustomizev1.Kustomization, ref request.Reference, data map[string][]byte) (*kubeconfig.Target, error) {
	if ref.Kind == request.KindSecret {
		content, err := kubeconfig.Select(data, unit.Spec.KubeConfig.SecretRef.Key)
		if err != nil {
			return nil, err
		}
		return kubeconfig.Parse(content, p.allowed)
	}
	texts := make(map[string]string, len(data))
	for name, value := range data {
		texts[name] = string(value)
	}
	return p.cloud.FromConfigMap(ctx, request.Key(unit), texts)
}

// readReference reads a ConfigMap or Secret under the controller's own identity.
func readReference(reader client.Reader) reference.Reader {
	return func(ctx context.Context, kind string, name types.NamespacedName) (*reference.Object, error) {
		var err error
		out := &reference.Object{}
		if kind == request.KindSecret {
			secret := &corev1.Secret{}
			err = reader.Get(ctx, name, secret)
			out.UID, out.ResourceVersion, out.Data = secret.UID, secret.ResourceVersion, secret.Data
		} else {
			configMap := &corev1.ConfigMap{}
			err = reader.Get(ctx, name, configMap)
			out.UID, out.ResourceVersion, out.Data = configMap.UID, configMap.ResourceVersion, texts(configMap)
		}
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if out.Data == nil {
			out.Data = map[string][]byte{}
		}
		return out, err
	}
}

// texts are the entries of a ConfigMap; its binary data is no text and does not
// count.
func texts(configMap *corev1.ConfigMap) map[string][]byte {
	data := make(map[string][]byte, len(configMap.Data))
	for name, value := range configMap.Data {
		data[name] = []byte(value)
	}
	return data
}
