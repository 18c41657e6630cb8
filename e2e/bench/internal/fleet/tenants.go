package fleet

import "context"

// tenants gives the ServiceAccounts that apply what they need, as a platform team would: a Role and a binding per namespace.
func (f *Fleet) tenants(ctx context.Context) error {
	if f.Shape.Tenancy == AsController {
		return nil
	}
	if f.Shape.Tenancy == TenantShared {
		if err := f.account(ctx, home); err != nil {
			return err
		}
	}
	all := namespaces(f.Units)
	return f.each(ctx, len(all), func(ctx context.Context, i int) error { return f.tenantIn(ctx, all[i]) })
}

func (f *Fleet) tenantIn(ctx context.Context, namespace string) error {
	where := home
	if f.Shape.Tenancy == TenantEach {
		where = namespace
		if err := f.account(ctx, namespace); err != nil {
			return err
		}
	}
	const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/"
	all := []any{"get", "list", "watch", "create", "update", "patch", "delete"}
	err := f.create(ctx, roles+namespace+"/roles", map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": map[string]any{"name": tenant},
		"rules": []any{
			map[string]any{"apiGroups": []any{""}, "resources": []any{"configmaps", "serviceaccounts", "services"}, "verbs": all},
			map[string]any{"apiGroups": []any{"apps"}, "resources": []any{"deployments"}, "verbs": all},
		},
	})
	if err != nil {
		return err
	}
	return f.create(ctx, roles+namespace+"/rolebindings", map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": map[string]any{"name": tenant},
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": tenant},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": tenant, "namespace": where}},
	})
}

func (f *Fleet) account(ctx context.Context, namespace string) error {
	return f.create(ctx, "/api/v1/namespaces/"+namespace+"/serviceaccounts", map[string]any{
		"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": tenant},
	})
}
