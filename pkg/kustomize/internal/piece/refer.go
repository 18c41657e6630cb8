package piece

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// refersWithNamespace reports whether an object may refer to another one by name
// and namespace, so that the library would write the other's namespace into it.
// References by name alone do not matter: no name changes.
//
// By the library's own table these are the subjects of role bindings and the
// services of webhooks. A map in a place where that table expects a name is taken
// for such a reference as well.
func refersWithNamespace(obj *unstructured.Unstructured) bool {
	switch obj.GetKind() {
	case "RoleBinding", "ClusterRoleBinding", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "Node":
		return true
	case "Pod", "PodTemplate", "Deployment", "ReplicaSet", "ReplicationController", "DaemonSet", "StatefulSet", "Job", "CronJob",
		"HorizontalPodAutoscaler", "Service", "Ingress", "APIService", "ServiceAccount", "PersistentVolume", "PersistentVolumeClaim",
		"Role", "ClusterRole", "ValidatingAdmissionPolicyBinding":
		return mapForName(obj.Object)
	case "StorageClass":
		parameters := obj.Object["parameters"]
		for _, key := range []string{"secretName", "adminSecretName", "userSecretName", "secretRef"} {
			if m, ok := parameters.(map[string]any); ok && holdsMap(m[key]) {
				return true
			}
		}
	}
	return false
}

// mapForName looks for a map below a key that ends a path of the library's table.
func mapForName(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			switch key {
			case "name", "secretName", "claimName", "serviceName", "serviceAccountName", "priorityClassName", "ingressClassName",
				"storageClassName", "volumeName", "policyName", "resourceNames",
				"ingress.kubernetes.io/auth-secret", "nginx.ingress.kubernetes.io/auth-secret",
				"nginx.ingress.kubernetes.io/auth-tls-secret", "nginx.ingress.kubernetes.io/fastcgi-params-configmap":
				if holdsMap(inner) {
					return true
				}
			}
			if mapForName(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if mapForName(inner) {
				return true
			}
		}
	}
	return false
}

func holdsMap(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return true
	case []any:
		for _, inner := range v {
			if holdsMap(inner) {
				return true
			}
		}
	}
	return false
}
