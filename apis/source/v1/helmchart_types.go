package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Values of spec.reconcileStrategy of a HelmChart.
const (
	// ReconcileStrategyChartVersion makes a new artifact when the version of the
	// chart changes.
	ReconcileStrategyChartVersion = "ChartVersion"

	// ReconcileStrategyRevision makes a new artifact when the revision of the
	// source changes.
	ReconcileStrategyRevision = "Revision"
)

// HelmChartSpec says which chart of which source to offer.
//
// +kubebuilder:validation:XValidation:rule="!has(self.verify) || self.sourceRef.kind == 'HelmRepository'",message="spec.verify needs spec.sourceRef.kind HelmRepository"
type HelmChartSpec struct {
	// Chart is the name of the chart in a HelmRepository, or the path to it in
	// another source.
	Chart string `json:"chart"`

	// Version is a version or a constraint over the versions in a HelmRepository.
	// Ignored with other sources. Default: "*", the latest stable one.
	// +kubebuilder:default:=*
	// +optional
	Version string `json:"version,omitempty"`

	// SourceRef names the source in the same namespace.
	SourceRef LocalHelmChartSourceReference `json:"sourceRef"`

	// Interval between two looks at the source, as in "10m".
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	Interval meta.Duration `json:"interval"`

	// ReconcileStrategy says what makes a new artifact: a new ChartVersion, or a
	// new Revision of the source. Default: ChartVersion.
	// +kubebuilder:validation:Enum=ChartVersion;Revision
	// +kubebuilder:default:=ChartVersion
	// +optional
	ReconcileStrategy string `json:"reconcileStrategy,omitempty"`

	// ValuesFiles are merged in order into the values of the chart: paths in the
	// chart of a HelmRepository, from the root of the artifact otherwise. Default:
	// the chart's values.yaml.
	// +optional
	ValuesFiles []string `json:"valuesFiles,omitempty"`

	// IgnoreMissingValuesFiles skips values files that do not exist. Default: false,
	// a missing one is ValuesFilesError.
	// +optional
	IgnoreMissingValuesFiles bool `json:"ignoreMissingValuesFiles,omitempty"`

	// Suspend stops all work on the object. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Verify says how to verify the signature of a chart from a HelmRepository of
	// type oci. Default: not.
	// +optional
	Verify *HelmChartVerification `json:"verify,omitempty"`
}

// HelmChartVerification says how to verify the signature of a chart.
type HelmChartVerification struct {
	// Provider of the signature. Default: cosign.
	// +kubebuilder:validation:Enum=cosign;notation
	// +kubebuilder:default:=cosign
	Provider string `json:"provider"`

	// SecretRef names the Secret with the trusted public keys. Default, with
	// cosign: keyless.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// MatchOIDCIdentity lists the identities of which one has to have signed. Used
	// with keyless verification only. Default: any.
	// +optional
	MatchOIDCIdentity []OIDCIdentityMatch `json:"matchOIDCIdentity,omitempty"`
}

// LocalHelmChartSourceReference names a source of charts in the same namespace.
type LocalHelmChartSourceReference struct {
	// APIVersion of the source. Default: this group's version.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the source.
	// +kubebuilder:validation:Enum=HelmRepository;GitRepository;Bucket
	Kind string `json:"kind"`

	// Name of the source.
	Name string `json:"name"`
}

// HelmChartStatus is what was observed of the chart.
type HelmChartStatus struct {
	meta.CommonStatus `json:",inline"`

	// ObservedSourceArtifactRevision is the revision of the source the chart was
	// built from.
	// +optional
	ObservedSourceArtifactRevision string `json:"observedSourceArtifactRevision,omitempty"`

	// ObservedChartName is the name of the chart that was built.
	// +optional
	ObservedChartName string `json:"observedChartName,omitempty"`

	// ObservedValuesFiles are the values files that were merged, when missing ones
	// are ignored.
	// +optional
	ObservedValuesFiles []string `json:"observedValuesFiles,omitempty"`

	// URL at which the latest chart is served.
	// +optional
	URL string `json:"url,omitempty"`

	// Artifact is the chart that is stored and served.
	// +optional
	Artifact *meta.Artifact `json:"artifact,omitempty"`
}

// HelmChart offers a packaged chart.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:shortName=hc,categories=all;fluxcd;fluxcd-sources
// +kubebuilder:printcolumn:name="Chart",type=string,JSONPath=`.spec.chart`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="Source Kind",type=string,JSONPath=`.spec.sourceRef.kind`
// +kubebuilder:printcolumn:name="Source Name",type=string,JSONPath=`.spec.sourceRef.name`
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type HelmChart struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec HelmChartSpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status HelmChartStatus `json:"status,omitempty"`
}

// HelmChartList is a list of HelmCharts.
//
// +kubebuilder:object:root=true
type HelmChartList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []HelmChart `json:"items"`
}
