package controller

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

// from returns a unit made from a source of a kind.
func from(kind string) func(*kustomizev1.Kustomization) {
	return func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Kind = kind }
}

func TestEveryKindOfSourceIsApplied(t *testing.T) {
	r := newRig(t, "--feature-gates=ExternalArtifact=true")
	for kind, offer := range map[string]func(*testing.T, *meta.Artifact){
		sourcev1.OCIRepositoryKind: func(t *testing.T, a *meta.Artifact) {
			src := &sourcev1.OCIRepository{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "repo"}}
			src.Spec = sourcev1.OCIRepositorySpec{URL: "oci://localhost/repo", Interval: "1h"}
			r.offerAs(t, src, func() { src.Status.Artifact = a })
		},
		sourcev1.BucketKind: func(t *testing.T, a *meta.Artifact) {
			src := &sourcev1.Bucket{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "repo"}}
			src.Spec = sourcev1.BucketSpec{BucketName: "repo", Endpoint: "localhost", Interval: "1h"}
			r.offerAs(t, src, func() { src.Status.Artifact = a })
		},
		sourcev1.ExternalArtifactKind: func(t *testing.T, a *meta.Artifact) {
			src := &sourcev1.ExternalArtifact{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "repo"}}
			r.offerAs(t, src, func() { src.Status.Artifact = a })
		},
	} {
		t.Run(kind, func(t *testing.T) {
			g := NewWithT(t)
			name := "from-" + map[string]string{"OCIRepository": "oci", "Bucket": "bucket", "ExternalArtifact": "external"}[kind]
			unit := r.unit(name, "./"+name, from(kind))
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False ArtifactFailed"))

			first := r.pack(t, kind+"1", map[string]string{name + "/a.yaml": r.manifest(name, "1")})
			first.Metadata["org.opencontainers.image.revision"] = "main@sha1:origin"
			offer(t, first)
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("True ReconciliationSucceeded main@sha1:" + kind + "1"))
			g.Expect(unit.Status.LastAppliedOriginRevision).To(Equal("main@sha1:origin"))
			g.Expect(unit.Status.History[0].Metadata).To(HaveKeyWithValue("originRevision", "main@sha1:origin"))

			// A revision that does not concern the unit is one status write.
			from := r.requests.end()
			offer(t, r.pack(t, kind+"2", map[string]string{name + "/a.yaml": r.manifest(name, "1"), "other/b.yaml": "x: 1\n"}))
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("True ReconciliationSucceeded main@sha1:" + kind + "2"))
			g.Expect(r.requests.about(r.namespace, from)).To(HaveLen(1))
		})
	}
}

// TestForgedIndexOfAnExternalArtifact says that nobody but source-controller is
// believed about what an artifact contains.
func TestForgedIndexOfAnExternalArtifact(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t, "--feature-gates=ExternalArtifact=true")
	src := &sourcev1.ExternalArtifact{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "repo"}}
	first := r.pack(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	r.offerAs(t, src, func() { src.Status.Artifact = first })
	unit := r.unit("app", "./app", from(sourcev1.ExternalArtifactKind))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))

	second := r.pack(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "2")})
	second.Metadata = first.Metadata // the index of the first content
	r.offerAs(t, src, func() { src.Status.Artifact = second })
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
	a, err := r.configMap(t.Context(), "a")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.Data).To(HaveKeyWithValue("value", "2"))
}

func TestExternalArtifactNeedsItsGate(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	unit := r.unit("app", "./app", from(sourcev1.ExternalArtifactKind))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False AccessDenied"))
	g.Expect(message(unit)).To(ContainSubstring("--feature-gates=ExternalArtifact=true"))
}

func TestDirectSourceFetch(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t, "--feature-gates=DirectSourceFetch=true")
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app")
	from := r.requests.end()
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.requests.about(r.namespace, from)).To(ContainElement(ContainSubstring("GET /apis/source.toolkit.fluxcd.io/v1/namespaces/" + r.namespace + "/gitrepositories/repo")))
}

// TestSourceInAnotherNamespace is the table of what spec.sourceRef and spec.dependsOn may refer to in other namespaces.
func TestSourceInAnotherNamespace(t *testing.T) {
	for name, tc := range map[string]struct {
		flags  []string
		change func(*kustomizev1.Kustomization)
		want   string
	}{
		"SourceAllowed": {nil, func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Namespace = "elsewhere" }, "False ArtifactFailed"},
		"SourceDenied": {[]string{"--no-cross-namespace-refs"}, func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Namespace = "elsewhere" },
			"False AccessDenied"},
		"DependencyDenied": {[]string{"--no-cross-namespace-refs"}, func(k *kustomizev1.Kustomization) {
			k.Spec.DependsOn = []meta.DependencyReference{{Name: "base", Namespace: "elsewhere"}}
		}, "False AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t, tc.flags...)
			unit := r.unit("app", "./app", tc.change)
			from := r.requests.end()
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(tc.want))
			g.Expect(r.requests.about("elsewhere", from)).To(BeEmpty(), "nothing is read there")
			g.Expect(client.IgnoreNotFound(r.Delete(t.Context(), unit))).To(Succeed())
		})
	}
}

// TestArtifactThatIsBackIsFound says that a source-controller which is starting
// costs a second, and that an artifact that stays unavailable is reported.
func TestArtifactThatIsBackIsFound(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	a := r.pack(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	r.artifacts.miss(a.Path, 1)
	r.offer(t, a)
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), "6s").Should(Equal(readyAt1))
	g.Expect(r.events(t, "app")()).NotTo(ContainElement(ContainSubstring("ArtifactFailed")), "no event is sent")

	b := r.pack(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "2")})
	r.artifacts.miss(b.Path, 1000)
	r.offer(t, b)
	g.Eventually(r.state(t.Context(), unit), soon).Should(HavePrefix("False ArtifactFailed"))
}
