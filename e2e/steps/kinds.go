package steps

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Deployment names a Deployment; verbs fill in the rest.
func Deployment(name string) *appsv1.Deployment { return &appsv1.Deployment{ObjectMeta: named(name)} }

// StatefulSet names a StatefulSet; verbs fill in the rest.
func StatefulSet(name string) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{ObjectMeta: named(name)}
}

// Job names a Job; verbs fill in the rest.
func Job(name string) *batchv1.Job { return &batchv1.Job{ObjectMeta: named(name)} }

// Service names a Service; verbs fill in the rest.
func Service(name string) *corev1.Service { return &corev1.Service{ObjectMeta: named(name)} }

// Namespace names a Namespace; verbs fill in the rest.
func Namespace(name string) *corev1.Namespace { return &corev1.Namespace{ObjectMeta: named(name)} }

// ConfigMap names a ConfigMap; verbs fill in the rest.
func ConfigMap(name string) *corev1.ConfigMap { return &corev1.ConfigMap{ObjectMeta: named(name)} }

// Secret names a Secret; verbs fill in the rest.
func Secret(name string) *corev1.Secret { return &corev1.Secret{ObjectMeta: named(name)} }

// Variables is a ConfigMap whose changes are to be noticed at once.
func Variables(name string, data map[string]string) *corev1.ConfigMap {
	object := ConfigMap(name)
	object.Labels, object.Data = map[string]string{meta.LabelWatch: meta.WatchEnabled}, data
	return object
}

// SecretWith is a Secret with a content.
func SecretWith(name string, data map[string]string) *corev1.Secret {
	object := Secret(name)
	object.StringData = data
	return object
}

// In puts an object into another namespace than the scene's.
func In[T client.Object](namespace string, obj T) T {
	obj.SetNamespace(namespace)
	return obj
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
