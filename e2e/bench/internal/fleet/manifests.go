package fleet

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// ConfigFile returns the path of the unit's ConfigMap in the repository.
func (u Unit) ConfigFile() string { return u.Name + "/configmap.yaml" }

// Config returns the manifest of the unit's ConfigMap with a value.
func (u Unit) Config(value string) (string, error) {
	return manifest(configMap(u.Namespace, u.Name, value))
}

// More returns what adds so many ConfigMaps to a unit of so many objects, all in one file.
func (u Unit) More(objects, more int) (map[string]string, error) {
	const file = "more.yaml"
	files, err := u.files(objects, 0)
	if err != nil {
		return nil, err
	}
	root := u.Name + "/kustomization.yaml"
	changed := map[string]string{}
	if changed[root], err = addResource(files[root], file); err != nil {
		return nil, err
	}
	for i := range more {
		text, err := manifest(configMap(u.Namespace, fmt.Sprintf("%s-more-%d", u.Name, i), initialValue))
		if err != nil {
			return nil, err
		}
		changed[u.Name+"/"+file] += "---\n" + text
	}
	return changed, nil
}

// files returns the folder of a unit with so many objects, its kustomization.yaml included.
func (u Unit) files(objects, pods int) (map[string]string, error) {
	labels := map[string]string{"app": u.Name}
	meta := metav1.ObjectMeta{Namespace: u.Namespace, Name: u.Name, Labels: labels}
	all := []struct {
		file   string
		object runtime.Object
	}{
		{"configmap.yaml", configMap(u.Namespace, u.Name, initialValue)},
		{"serviceaccount.yaml", &corev1.ServiceAccount{TypeMeta: kind("v1", "ServiceAccount"), ObjectMeta: meta}},
		{"service.yaml", &corev1.Service{
			TypeMeta: kind("v1", "Service"), ObjectMeta: meta,
			Spec: corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
		}},
		{"deployment.yaml", u.deployment(meta, pods)},
	}
	for i := len(all); i < objects; i++ {
		all = append(all, struct {
			file   string
			object runtime.Object
		}{fmt.Sprintf("configmap-%d.yaml", i), configMap(u.Namespace, fmt.Sprintf("%s-%d", u.Name, i), initialValue)})
	}
	files, names := map[string]string{}, []string{}
	for _, f := range all[:objects] {
		text, err := manifest(f.object)
		if err != nil {
			return nil, err
		}
		files[u.Name+"/"+f.file] = text
		names = append(names, f.file)
	}
	root, err := kustomizationFile(names)
	files[u.Name+"/kustomization.yaml"] = root
	return files, err
}

func (u Unit) deployment(meta metav1.ObjectMeta, pods int) *appsv1.Deployment {
	return &appsv1.Deployment{
		TypeMeta: kind("apps/v1", "Deployment"), ObjectMeta: meta,
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(pods)),
			Selector: &metav1.LabelSelector{MatchLabels: meta.Labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels},
				Spec: corev1.PodSpec{
					ServiceAccountName: u.Name,
					Containers: []corev1.Container{{
						Name: "app", Image: InitialImage, Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80}},
						EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
							LocalObjectReference: corev1.LocalObjectReference{Name: u.Name},
						}}},
					}},
				},
			},
		},
	}
}

// What the objects hold in Git to begin with.
const (
	initialValue = "initial"
	InitialImage = "registry.example.com/app:1"
)

// ValueKey is the key of a ConfigMap that cells change.
const ValueKey = "value"

func configMap(namespace, name, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   kind("v1", "ConfigMap"),
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": name}},
		Data:       map[string]string{ValueKey: value, "name": name},
	}
}

func kind(version, name string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: version, Kind: name}
}

func manifest(object runtime.Object) (string, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return "", fmt.Errorf("writing a manifest: %w", err)
	}
	delete(fields, "status")
	text, err := yaml.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("writing a manifest: %w", err)
	}
	return string(text), nil
}

func kustomizationFile(resources []string) (string, error) {
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources,
	})
	if err != nil {
		return "", fmt.Errorf("writing a kustomization.yaml: %w", err)
	}
	return string(text), nil
}

// Stuck returns the manifest of the unit's Deployment with a pod that no node takes: it never becomes healthy.
func (u Unit) Stuck() (path, text string, err error) {
	labels := map[string]string{LabelKey: u.Name}
	d := u.deployment(metav1.ObjectMeta{Namespace: u.Namespace, Name: u.Name, Labels: labels}, 1)
	d.Spec.Template.Spec.NodeSelector = map[string]string{"capstan.dev/bench": "nowhere"}
	text, err = manifest(d)
	return u.Name + "/deployment.yaml", text, err
}
