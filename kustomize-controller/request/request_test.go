package request

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/kustomize"
)

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
