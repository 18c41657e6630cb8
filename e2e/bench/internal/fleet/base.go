package fleet

import (
	"context"
	"fmt"

	"sigs.k8s.io/yaml"
)

const (
	// baseName is the folder that units may be built on, and the name of what is in it.
	baseName = "base"
	baseFile = baseName + "/configmap.yaml"
)

// buildOnBase adds the shared base to a unit, under a prefix: every unit has a copy of its own in the cluster.
func (u Unit) buildOnBase(files map[string]string) error {
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
		"resources": []string{"../../" + baseName}, "namePrefix": u.Name + "-", "namespace": u.Namespace,
	})
	if err != nil {
		return err
	}
	files[u.Name+"/"+baseName+"/kustomization.yaml"] = string(text)
	root := u.Name + "/kustomization.yaml"
	files[root], err = addResource(files[root], baseName)
	return err
}

// addResource adds a resource to a kustomization.yaml.
func addResource(kustomization, resource string) (string, error) {
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(kustomization), &fields); err != nil {
		return "", fmt.Errorf("adding a resource: %w", err)
	}
	resources, _ := fields["resources"].([]any)
	fields["resources"] = append(resources, resource)
	text, err := yaml.Marshal(fields)
	return string(text), err
}

// BaseKey names the unit's copy of what is in the shared base, in a table.
func (u Unit) BaseKey() string { return u.Namespace + "/" + u.Name + "-" + baseName }

// CommitBase changes the base that units share.
func (f *Fleet) CommitBase(ctx context.Context, value string) (string, error) {
	text, err := manifest(configMap("", baseName, value))
	if err != nil {
		return "", err
	}
	return f.CommitFiles(ctx, repositoryName, map[string]string{baseFile: text})
}
