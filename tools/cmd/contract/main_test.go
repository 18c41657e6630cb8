package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

func TestRunListsFacts(t *testing.T) {
	minimum, warning := int64(1), "use v2"
	crd := apiextensionsv1.CustomResourceDefinition{}
	crd.Name = "things.example.org"
	crd.Spec.Group = "example.org"
	crd.Spec.Names = apiextensionsv1.CustomResourceDefinitionNames{Kind: "Thing", Plural: "things", ShortNames: []string{"b", "a"}}
	crd.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{{
		Name: "v1", Served: true, Storage: true, Deprecated: true, DeprecationWarning: &warning,
		Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
			Type: "object", Required: []string{"name"},
			XValidations: apiextensionsv1.ValidationRules{{Rule: "has(self.name)", Message: "said in our own words"}},
			Properties: map[string]apiextensionsv1.JSONSchemaProps{
				"name": {Type: "string", MinLength: &minimum, Default: &apiextensionsv1.JSON{Raw: []byte(`"x"`)}},
			},
		}},
	}}
	data, err := yaml.Marshal(crd)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "thing.yaml"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(folder, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"property\tThing\tv1\t.name\tstring\t\t\"x\"\t\tminLength=1\trequired\t\t\n",
		"property\tThing\tv1\t.\tobject\t\t\t\t\toptional\t[\"has(self.name)\"]\t\n",
		`"shortNames":["a","b"]`,
		"\ttrue\ttrue\t\"use v2\"\t",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the facts lack %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "own words") {
		t.Error("messages of rules are not facts")
	}
}

func TestRunRefusesAnEmptyFolder(t *testing.T) {
	if err := run(t.TempDir(), &bytes.Buffer{}); err == nil {
		t.Error("a folder without definitions has to fail, or the list would be emptied")
	}
}
