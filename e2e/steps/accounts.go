package steps

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// Account makes a ServiceAccount in the scene's namespace, which may do nothing yet.
func (s *Scene) Account(name string) {
	s.t.Helper()
	s.Create(&corev1.ServiceAccount{ObjectMeta: named(name)})
}

// Grant lets a ServiceAccount of the scene do everything with the core resources of a kind in a namespace.
func (s *Scene) Grant(account, namespace, resource string) {
	s.t.Helper()
	role := &rbacv1.Role{ObjectMeta: named(account), Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{corev1.GroupName}, Resources: []string{resource}, Verbs: []string{rbacv1.VerbAll},
	}}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: named(account),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: account},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: s.Namespace, Name: account}},
	}
	s.Create(In(namespace, role), In(namespace, binding))
}
