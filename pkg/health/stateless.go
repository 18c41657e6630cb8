package health

import "k8s.io/apimachinery/pkg/runtime/schema"

// stateless are kinds of the built-in APIs that have no status: an object of them
// is what was asked for as soon as it is there.
var stateless = map[schema.GroupKind]bool{
	{Kind: "ConfigMap"}:                                                               true,
	{Kind: "Secret"}:                                                                  true,
	{Kind: "ServiceAccount"}:                                                          true,
	{Kind: "LimitRange"}:                                                              true,
	{Kind: "PodTemplate"}:                                                             true,
	{Kind: "Endpoints"}:                                                               true,
	{Group: rbacGroup, Kind: "Role"}:                                                  true,
	{Group: rbacGroup, Kind: "RoleBinding"}:                                           true,
	{Group: rbacGroup, Kind: "ClusterRole"}:                                           true,
	{Group: rbacGroup, Kind: "ClusterRoleBinding"}:                                    true,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:                               true,
	{Group: "networking.k8s.io", Kind: "IngressClass"}:                                true,
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:                               true,
	{Group: "storage.k8s.io", Kind: "StorageClass"}:                                   true,
	{Group: "node.k8s.io", Kind: "RuntimeClass"}:                                      true,
	{Group: "discovery.k8s.io", Kind: "EndpointSlice"}:                                true,
	{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}:     true,
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"}:   true,
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicyBinding"}: true,
}

const rbacGroup = "rbac.authorization.k8s.io"

// ByExistence reports that an object of a kind is Current when it is there and is
// not being deleted, so that it need not be read.
func (r Rules) ByExistence(gk schema.GroupKind) bool {
	_, ruled := r.byKind[gk]
	if !ruled {
		_, ruled = r.byKind[schema.GroupKind{Group: gk.Group}]
	}
	return stateless[gk] && !ruled
}
