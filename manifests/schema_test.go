package manifests_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// TestRulesOfDefinitions asks the API server what the rules of the definitions admit: a rule that is written as the
// contract has it can still be read otherwise.
func TestRulesOfDefinitions(t *testing.T) {
	admin, err := dynamic.NewForConfig(testEnv.Config())
	if err != nil {
		t.Fatal(err)
	}
	release := func(kind string, spec fields) fields {
		chart := fields{"spec": spec}
		if kind != "" {
			chart["kind"] = kind
		}
		return fields{"interval": "1h", "chart": chart}
	}
	inRepository := func(more fields) fields {
		spec := fields{"chart": "app", "sourceRef": fields{"kind": "HelmRepository", "name": "charts"}}
		for key, value := range more {
			spec[key] = value
		}
		return spec
	}
	inRegistry := func(more fields) fields {
		spec := fields{"url": "oci://registry.example.com/charts/app"}
		for key, value := range more {
			spec[key] = value
		}
		return spec
	}
	artifact := func(change fields) fields {
		one := fields{"name": "app", "copy": []any{fields{"from": "@repo/**", "to": "@artifact/"}}}
		for key, value := range change {
			one[key] = value
		}
		return fields{
			"sources":   []any{fields{"alias": "repo", "kind": "GitRepository", "name": "repo"}},
			"artifacts": []any{one},
		}
	}
	copying := func(to string) fields {
		return artifact(fields{"copy": []any{fields{"from": "@repo/**", "to": to, "optional": true}}})
	}
	pushing := func(refspec string) fields {
		return fields{
			"interval": "1h", "policyChangeDelay": "2m", "sourceRef": fields{"kind": "GitRepository", "name": "repo"},
			"git": fields{"commit": fields{"author": fields{"email": "bot@example.com"}}, "push": fields{"refspec": refspec}},
		}
	}
	remote := func(config fields) fields {
		return fields{
			"interval": "1h", "prune": true, "kubeConfig": config, "sourceRef": fields{"kind": "GitRepository", "name": "repo"},
		}
	}
	secret, configMap := fields{"name": "config"}, fields{"name": "config"}
	const (
		helm, source, extension = "helm.toolkit.fluxcd.io/v2", "source.toolkit.fluxcd.io/v1", "source.extensions.fluxcd.io/v1beta1"
		image, kustomize        = "image.toolkit.fluxcd.io/v1", "kustomize.toolkit.fluxcd.io/v1"
	)
	cases := map[string]struct {
		why, api, resource string
		spec               fields
		refused            string // a part of the answer; empty if it is admitted
	}{
		"Chart":              {"as before", helm, "helmreleases", release("", inRepository(nil)), ""},
		"ChartNamed":         {"the default, said", helm, "helmreleases", release("HelmChart", inRepository(fields{"version": "1.x"})), ""},
		"ChartWithoutSource": {"required by a rule now", helm, "helmreleases", release("", fields{"chart": "app"}), "needs chart and sourceRef"},
		"ChartWithURL":       {"a field of the other kind", helm, "helmreleases", release("", inRepository(inRegistry(nil))), "needs spec.chart.kind OCIRepository"},
		"OCI":                {"the other kind", helm, "helmreleases", release("OCIRepository", inRegistry(fields{"insecure": true, "ref": fields{"semver": "1.x"}})), ""},
		"OCIDefaults":        {"defaults of the old schema stand in stored objects", helm, "helmreleases", release("OCIRepository", inRegistry(fields{"version": "*", "reconcileStrategy": "ChartVersion"})), ""},
		"OCIWithoutURL":      {"nothing to pull", helm, "helmreleases", release("OCIRepository", fields{"insecure": true}), "needs spec.chart.spec.url"},
		"OCIVersion":         {"the version is in ref", helm, "helmreleases", release("OCIRepository", inRegistry(fields{"version": "1.x"})), "takes no spec.chart.spec.version"},
		"OCIChart":           {"a field of the other kind", helm, "helmreleases", release("OCIRepository", inRegistry(fields{"chart": "app"})), "takes no spec.chart.spec.chart"},
		"OCIValues":          {"a field of the other kind", helm, "helmreleases", release("OCIRepository", inRegistry(fields{"valuesFiles": []any{"a.yaml"}})), "takes no spec.chart.spec.valuesFiles"},
		"OCIKind":            {"there are two", helm, "helmreleases", release("Bucket", inRepository(nil)), "Unsupported value"},

		"Repository":       {"both are there", source, "ocirepositories", fields{"url": "oci://registry.example.com/app", "interval": "1h"}, ""},
		"RepositoryURL":    {"required by a rule now", source, "ocirepositories", fields{"interval": "1h"}, "spec.url is missing"},
		"RepositoryEvery":  {"required by a rule now", source, "ocirepositories", fields{"url": "oci://registry.example.com/app"}, "spec.interval is missing"},
		"RepositoryNoSpec": {"an object without a spec does not pass the rules", source, "ocirepositories", nil, "spec.url is missing"},

		"Artifact":            {"as before", extension, "artifactgenerators", artifact(nil), ""},
		"ArtifactNamespace":   {"another namespace", extension, "artifactgenerators", artifact(fields{"namespace": "team", "inputsFrom": "@repo/inputs.yaml"}), ""},
		"ArtifactNoNamespace": {"no namespace has that name", extension, "artifactgenerators", artifact(fields{"namespace": "Team"}), "name of a namespace"},
		"ArtifactNoName":      {"no object has that name", extension, "artifactgenerators", artifact(fields{"name": "App"}), "name of a Kubernetes object"},
		"ArtifactLongName":    {"the schema allows patterns, which are longer", extension, "artifactgenerators", artifact(fields{"name": strings.Repeat("a", 254)}), "name of a Kubernetes object"},
		"ArtifactTo":          {"a folder in a folder", extension, "artifactgenerators", copying("@artifact/a/..b/c"), ""},
		"ArtifactOut":         {"out of the artifact", extension, "artifactgenerators", copying("@artifact/a/../../b"), "should match"},

		"Refspec":       {"a second branch", image, "imageupdateautomations", pushing("refs/heads/main:refs/heads/next"), ""},
		"RefspecForce":  {"it would overwrite", image, "imageupdateautomations", pushing("+refs/heads/main:refs/heads/next"), "should match"},
		"RefspecDelete": {"it would delete", image, "imageupdateautomations", pushing(":refs/heads/next"), "should match"},

		"Remote":        {"one of them", kustomize, "kustomizations", remote(fields{"secretRef": secret}), ""},
		"RemoteOther":   {"the other", kustomize, "kustomizations", remote(fields{"configMapRef": configMap}), ""},
		"RemoteBoth":    {"not both", kustomize, "kustomizations", remote(fields{"secretRef": secret, "configMapRef": configMap}), "one of them"},
		"RemoteNeither": {"not none", kustomize, "kustomizations", remote(fields{}), "one of them"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			version, err := schema.ParseGroupVersion(tc.api)
			if err != nil {
				t.Fatal(err)
			}
			kind := map[string]string{
				"helmreleases": "HelmRelease", "ocirepositories": "OCIRepository", "artifactgenerators": "ArtifactGenerator",
				"imageupdateautomations": "ImageUpdateAutomation", "kustomizations": "Kustomization",
			}[tc.resource]
			obj := &unstructured.Unstructured{Object: fields{
				"apiVersion": tc.api, "kind": kind, "metadata": fields{"name": "one", "namespace": "default"},
			}}
			if tc.spec != nil {
				obj.Object["spec"] = tc.spec
			}
			_, err = admin.Resource(version.WithResource(tc.resource)).Namespace("default").Create(t.Context(), obj,
				metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
			if tc.refused == "" && err != nil {
				t.Errorf("%s: %v", tc.why, err)
			}
			if tc.refused != "" && (err == nil || !strings.Contains(err.Error(), tc.refused)) {
				t.Errorf("%s: answered %v, want %q", tc.why, err, tc.refused)
			}
		})
	}
}

// TestNothingIsSubstitutedInDefinitions: a pattern in a definition may look like a variable.
func TestNothingIsSubstitutedInDefinitions(t *testing.T) {
	crds := 0
	for _, obj := range build(t, "crds") {
		if obj.GetKind() != "CustomResourceDefinition" {
			continue
		}
		crds++
		if got := obj.GetAnnotations()["kustomize.toolkit.fluxcd.io/substitute"]; got != "disabled" {
			t.Errorf("%s would be substituted in", obj.GetName())
		}
	}
	if crds == 0 {
		t.Error("there are no definitions")
	}
}
