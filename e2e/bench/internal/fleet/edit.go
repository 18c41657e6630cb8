package fleet

import "context"

// EditValue changes the value of a ConfigMap by hand, and returns the version that this made.
func (f *Fleet) EditValue(ctx context.Context, u Unit, value string) (uint64, error) {
	return f.Patch(ctx, "/api/v1/namespaces/"+u.Namespace+"/configmaps/"+u.Name, map[string]any{
		"data": map[string]any{ValueKey: value},
	})
}

// AddData adds a key that is not in Git to a ConfigMap, which is nobody's business but its author's.
func (f *Fleet) AddData(ctx context.Context, u Unit, key, value string) (uint64, error) {
	return f.Patch(ctx, "/api/v1/namespaces/"+u.Namespace+"/configmaps/"+u.Name, map[string]any{
		"data": map[string]any{key: value},
	})
}

// EditImage changes the image of a Deployment.
func (f *Fleet) EditImage(ctx context.Context, u Unit, image string) (uint64, error) {
	return f.strategic(ctx, "/apis/apps/v1/namespaces/"+u.Namespace+"/deployments/"+u.Name, map[string]any{
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": image}},
		}}},
	})
}

// EditLabel changes the label of a Service.
func (f *Fleet) EditLabel(ctx context.Context, u Unit, value string) (uint64, error) {
	return f.Patch(ctx, "/api/v1/namespaces/"+u.Namespace+"/services/"+u.Name, map[string]any{
		"metadata": map[string]any{"labels": map[string]any{LabelKey: value}},
	})
}

// LabelKey is the label that every object carries.
const LabelKey = "app"

// DeleteAccount deletes a ServiceAccount.
func (f *Fleet) DeleteAccount(ctx context.Context, u Unit) error {
	return f.Delete(ctx, "/api/v1/namespaces/"+u.Namespace+"/serviceaccounts/"+u.Name)
}

// Churn writes to the status of a Deployment, as whatever rolls it out does.
func (f *Fleet) Churn(ctx context.Context, u Unit, message string) error {
	_, err := f.strategic(ctx, "/apis/apps/v1/namespaces/"+u.Namespace+"/deployments/"+u.Name+"/status", map[string]any{
		"status": map[string]any{"conditions": []any{map[string]any{
			"type": "Churn", "status": "True", "reason": "Benchmark", "message": message,
		}}},
	})
	return err
}
