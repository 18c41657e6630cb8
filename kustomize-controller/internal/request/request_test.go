package request

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

func TestUnsupported(t *testing.T) {
	for name, tc := range map[string]struct {
		why    string
		change func(*kustomizev1.KustomizationSpec)
		want   string
	}{
		"Plain":          {"every field that is set is acted on", func(*kustomizev1.KustomizationSpec) {}, ""},
		"OtherSource":    {"only one kind of source is published", func(s *kustomizev1.KustomizationSpec) { s.SourceRef.Kind = "Bucket" }, "spec.sourceRef.kind Bucket"},
		"Decryption":     {"secrets stay encrypted", func(s *kustomizev1.KustomizationSpec) { s.Decryption = &kustomizev1.Decryption{} }, "spec.decryption"},
		"KubeConfig":     {"another cluster must not be mistaken for this one", func(s *kustomizev1.KustomizationSpec) { s.KubeConfig = &meta.KubeConfigReference{} }, "spec.kubeConfig"},
		"ServiceAccount": {"a tenant's rights must not be exceeded", func(s *kustomizev1.KustomizationSpec) { s.ServiceAccountName = "tenant" }, "spec.serviceAccountName"},
		"SubstituteFrom": {"variables would be missing", func(s *kustomizev1.KustomizationSpec) {
			s.PostBuild = &kustomizev1.PostBuild{SubstituteFrom: []kustomizev1.SubstituteReference{{}}}
		}, "spec.postBuild.substituteFrom"},
		"Ignore": {"fields would be overwritten", func(s *kustomizev1.KustomizationSpec) { s.Ignore = []meta.IgnoreRule{{}} }, "spec.ignore"},
		"DriftWarn": {"drift would be corrected", func(s *kustomizev1.KustomizationSpec) {
			s.DriftDetection = &kustomizev1.DriftDetection{Mode: meta.DriftWarn}
		}, "spec.driftDetection.mode warn"},
		"DriftDisabled": {"leaving drift alone is supported", func(s *kustomizev1.KustomizationSpec) {
			s.DriftDetection = &kustomizev1.DriftDetection{Mode: meta.DriftDisabled}
		}, ""},
		"ReadyExpr": {"a dependency would count as ready too soon", func(s *kustomizev1.KustomizationSpec) {
			s.DependsOn = []meta.DependencyReference{{Name: "a"}, {Name: "b", ReadyExpr: "true"}}
		}, "spec.dependsOn[1].readyExpr"},
	} {
		t.Run(name, func(t *testing.T) {
			unit := &kustomizev1.Kustomization{}
			unit.Spec.SourceRef.Kind = sourcev1.GitRepositoryKind
			tc.change(&unit.Spec)
			if got := Unsupported(unit); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

func TestOverlayTakesEveryField(t *testing.T) {
	spec := &kustomizev1.KustomizationSpec{
		TargetNamespace: "ns", NamePrefix: "pre-", NameSuffix: "-post",
		CommonMetadata: &meta.CommonMetadata{Labels: map[string]string{"l": "1"}, Annotations: map[string]string{"a": "2"}},
		Patches:        []meta.Patch{{Patch: "p", Target: &meta.Selector{Group: "g", Version: "v", Kind: "k", Name: "n", Namespace: "s", LabelSelector: "x", AnnotationSelector: "y"}}, {Patch: "q"}},
		Images:         []meta.Image{{Name: "i", NewName: "j", NewTag: "t", Digest: "d"}},
		Components:     []string{"../c"}, IgnoreMissingComponents: true,
		BuildMetadata: []kustomizev1.BuildMetadataOption{"originAnnotations"},
	}
	want := kustomize.Overlay{
		TargetNamespace: "ns", NamePrefix: "pre-", NameSuffix: "-post",
		Labels: map[string]string{"l": "1"}, Annotations: map[string]string{"a": "2"},
		Patches:    []kustomize.Patch{{Patch: "p", Target: &kustomize.Selector{Group: "g", Version: "v", Kind: "k", Name: "n", Namespace: "s", LabelSelector: "x", AnnotationSelector: "y"}}, {Patch: "q"}},
		Images:     []kustomize.Image{{Name: "i", NewName: "j", NewTag: "t", Digest: "d"}},
		Components: []string{"../c"}, IgnoreMissingComponents: true, BuildMetadata: []string{"originAnnotations"},
	}
	if diff := cmp.Diff(want, Overlay(spec)); diff != "" {
		t.Error(diff)
	}
}

func TestVariables(t *testing.T) {
	spec := &kustomizev1.KustomizationSpec{}
	if got := Variables(spec, true); got != nil {
		t.Errorf("without postBuild nothing is substituted, got %+v", got)
	}
	spec.PostBuild = &kustomizev1.PostBuild{Substitute: map[string]string{"a": "1"}, SubstituteStrategy: kustomizev1.SubstituteAlways}
	want := &substitute.Variables{Values: map[string]string{"a": "1"}, Strict: true, Always: true}
	if diff := cmp.Diff(want, Variables(spec, true)); diff != "" {
		t.Error(diff)
	}
}
