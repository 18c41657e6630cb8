package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

func TestPage(t *testing.T) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	crd.Spec.Group, crd.Spec.Names.Kind, crd.Spec.Scope = "example.com", "Boat", apiextensionsv1.NamespaceScoped
	limit := int64(3)
	version := apiextensionsv1.CustomResourceDefinitionVersion{Name: "v1", Schema: &apiextensionsv1.CustomResourceValidation{
		OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Properties: map[string]apiextensionsv1.JSONSchemaProps{"spec": {
			Required: []string{"sails"},
			Properties: map[string]apiextensionsv1.JSONSchemaProps{"sails": {
				Description: "Sails that\n are set.", Type: "array", MaxItems: &limit,
				Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"rig": {
						Type: "string", Pattern: "^(a|b)$", Enum: []apiextensionsv1.JSON{{Raw: []byte(`"a"`)}},
					}},
				}},
			}},
		}}},
	}}
	got := page(crd, version)
	for _, want := range []string{
		"# Boat\n\n`example.com/v1`, namespaced\n",
		"| `spec.sails` | list of object | Sails that are set. Required. At most 3 items. |\n",
		"| `spec.sails[].rig` | string | One of `a`. Matches `^(a\\|b)$`. |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
}

func TestWriteRemovesPagesOfKindsThatAreGone(t *testing.T) {
	folder := t.TempDir()
	stale := filepath.Join(folder, "gone-v1.md")
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(folder, map[string]string{"README.md": header}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("the stale page is still there: %v", err)
	}
}
