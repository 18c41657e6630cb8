package v2

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

// HelmReleaseSpec says which chart to release with which values.
//
// +kubebuilder:validation:XValidation:rule="(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))",message="spec takes exactly one of chart and chartRef"
type HelmReleaseSpec struct {
	// Chart makes a HelmChart for the release. Exclusive with chartRef.
	// +optional
	Chart *HelmChartTemplate `json:"chart,omitempty"`

	// ChartRef names an object that offers the chart. Exclusive with chart.
	// +optional
	ChartRef *CrossNamespaceSourceReference `json:"chartRef,omitempty"`

	// Interval between two reconciles, as in "10m".
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	Interval meta.Duration `json:"interval"`

	// KubeConfig names the cluster to release to. Default: the one the controller
	// runs in.
	// +optional
	KubeConfig *meta.KubeConfigReference `json:"kubeConfig,omitempty"`

	// Suspend stops all work on the object. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// ReleaseName is the name of the release. Default: the name of the object, with
	// the target namespace before it if there is one; long names are shortened.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=53
	// +optional
	ReleaseName string `json:"releaseName,omitempty"`

	// TargetNamespace is the namespace of the release. Default: that of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	TargetNamespace string `json:"targetNamespace,omitempty"`

	// StorageNamespace is where the history of the release is kept. Default: the
	// namespace of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	StorageNamespace string `json:"storageNamespace,omitempty"`

	// DependsOn lists HelmReleases that have to be ready first. Until then the
	// reason is DependencyNotReady.
	// +optional
	DependsOn []meta.DependencyReference `json:"dependsOn,omitempty"`

	// Timeout of a single action, as in "5m". Default: 5m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// MaxHistory is how many releases are kept in the history; 0 keeps all.
	// Default: 5.
	// +optional
	MaxHistory *int `json:"maxHistory,omitempty"`

	// ServiceAccountName is the service account in this namespace whose rights the
	// release is made with. Default: the controller's.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// PersistentClient keeps the connection to the cluster for the whole
	// reconcile. Default: true.
	// +optional
	PersistentClient *bool `json:"persistentClient,omitempty"`

	// DriftDetection says what is done when an object of the release is changed by
	// somebody else. Default: nothing.
	// +optional
	DriftDetection *DriftDetection `json:"driftDetection,omitempty"`

	// Install says how the release is installed.
	// +optional
	Install *Install `json:"install,omitempty"`

	// Upgrade says how the release is upgraded.
	// +optional
	Upgrade *Upgrade `json:"upgrade,omitempty"`

	// Test says how the release is tested.
	// +optional
	Test *Test `json:"test,omitempty"`

	// Rollback says how the release is rolled back.
	// +optional
	Rollback *Rollback `json:"rollback,omitempty"`

	// Uninstall says how the release is uninstalled.
	// +optional
	Uninstall *Uninstall `json:"uninstall,omitempty"`

	// ValuesFrom names ConfigMaps and Secrets with values; later ones win.
	// +optional
	ValuesFrom []ValuesReference `json:"valuesFrom,omitempty"`

	// Values of the release; they win over valuesFrom.
	// +optional
	Values *apiextensionsv1.JSON `json:"values,omitempty"`

	// CommonMetadata is put on every object of the release.
	// +optional
	CommonMetadata *meta.CommonMetadata `json:"commonMetadata,omitempty"`

	// PostRenderers change the rendered objects, in order.
	// +optional
	PostRenderers []PostRenderer `json:"postRenderers,omitempty"`

	// PostRenderStrategy says what post-rendering does with hooks. Default:
	// combined.
	// +optional
	PostRenderStrategy PostRenderStrategy `json:"postRenderStrategy,omitempty"`

	// WaitStrategy says by which rules objects are ready. Default: poller.
	// +optional
	WaitStrategy *WaitStrategy `json:"waitStrategy,omitempty"`

	// HealthCheckExprs say when objects of other kinds are healthy; used with the
	// wait strategy poller.
	// +optional
	HealthCheckExprs []meta.HealthCheckExprs `json:"healthCheckExprs,omitempty"`
}

// WaitStrategy says by which rules objects are ready.
type WaitStrategy struct {
	// Name of the strategy.
	Name WaitStrategyName `json:"name"`
}

// DriftDetection says what is done when an object of the release is changed by
// somebody else.
type DriftDetection struct {
	// Mode: enabled corrects drift, warn reports it, disabled does not look.
	// Default: disabled.
	// +optional
	Mode meta.DriftMode `json:"mode,omitempty"`

	// Ignore lists fields that are not compared.
	// +optional
	Ignore []meta.IgnoreRule `json:"ignore,omitempty"`
}

// PostRenderer changes the rendered objects.
type PostRenderer struct {
	// Kustomize changes them with patches and images.
	// +optional
	Kustomize *Kustomize `json:"kustomize,omitempty"`
}

// Kustomize changes objects with patches and images.
type Kustomize struct {
	// Patches change the objects, in order.
	// +optional
	Patches []meta.Patch `json:"patches,omitempty"`

	// Images replaces names, tags or digests of container images.
	// +optional
	Images []meta.Image `json:"images,omitempty"`
}

// Values of spec.chart.kind.
const (
	// ChartKindHelmChart makes a HelmChart; it is the default.
	ChartKindHelmChart = "HelmChart"

	// ChartKindOCIRepository makes an OCIRepository.
	ChartKindOCIRepository = "OCIRepository"
)

// HelmChartTemplate describes the source that is made for a release: a HelmChart,
// or an OCIRepository.
//
// +kubebuilder:validation:XValidation:rule="!has(self.kind) || self.kind != 'OCIRepository' || (has(self.spec.url) && size(self.spec.url) > 0)",message="spec.chart.kind OCIRepository needs spec.chart.spec.url"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.url) || (has(self.kind) && self.kind == 'OCIRepository')",message="spec.chart.spec.url needs spec.chart.kind OCIRepository; a HelmChart has spec.chart.spec.chart and sourceRef instead"
// +kubebuilder:validation:XValidation:rule="(has(self.kind) && self.kind == 'OCIRepository') || (has(self.spec.chart) && has(self.spec.sourceRef))",message="spec.chart.spec needs chart and sourceRef, unless spec.chart.kind is OCIRepository"
// +kubebuilder:validation:XValidation:rule="!has(self.kind) || self.kind != 'OCIRepository' || !has(self.spec.chart)",message="spec.chart.kind OCIRepository takes no spec.chart.spec.chart"
// +kubebuilder:validation:XValidation:rule="!has(self.kind) || self.kind != 'OCIRepository' || !has(self.spec.version) || self.spec.version == '*'",message="spec.chart.kind OCIRepository takes no spec.chart.spec.version"
// +kubebuilder:validation:XValidation:rule="!has(self.kind) || self.kind != 'OCIRepository' || !has(self.spec.sourceRef)",message="spec.chart.kind OCIRepository takes no spec.chart.spec.sourceRef"
// +kubebuilder:validation:XValidation:rule="!has(self.kind) || self.kind != 'OCIRepository' || !has(self.spec.reconcileStrategy) || self.spec.reconcileStrategy == 'ChartVersion'",message="spec.chart.kind OCIRepository takes no spec.chart.spec.reconcileStrategy"
// +kubebuilder:validation:XValidation:rule="!has(self.kind) || self.kind != 'OCIRepository' || !has(self.spec.valuesFiles)",message="spec.chart.kind OCIRepository takes no spec.chart.spec.valuesFiles"
// +kubebuilder:validation:XValidation:rule="!has(self.kind) || self.kind != 'OCIRepository' || !has(self.spec.ignoreMissingValuesFiles)",message="spec.chart.kind OCIRepository takes no spec.chart.spec.ignoreMissingValuesFiles"
type HelmChartTemplate struct {
	// Kind of the source that is made. Default: HelmChart.
	// +kubebuilder:validation:Enum=HelmChart;OCIRepository
	// +optional
	Kind string `json:"kind,omitempty"`

	// ObjectMeta is put on the source.
	// +optional
	ObjectMeta *HelmChartTemplateObjectMeta `json:"metadata,omitempty"`

	// Spec of the source.
	Spec HelmChartTemplateSpec `json:"spec"`
}

// HelmChartTemplateObjectMeta is put on the source that is made for a release.
type HelmChartTemplateObjectMeta struct {
	// Labels of the source.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// Annotations of the source.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// HelmChartTemplateSpec is the spec of the source that is made for a release. It
// holds the fields of both kinds; the rules of HelmChartTemplate say which go
// together.
type HelmChartTemplateSpec struct {
	// Chart is the name of the chart in a HelmRepository, or the path to it in
	// another source. Required with a HelmChart.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	Chart string `json:"chart,omitempty"`

	// Version is a version or a constraint. Default: "*", the latest stable one.
	// +optional
	Version string `json:"version,omitempty"`

	// SourceRef names the source of the chart. Required with a HelmChart.
	// +optional
	SourceRef *CrossNamespaceObjectReference `json:"sourceRef,omitempty"`

	// Interval of the source. Default: that of the release.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Interval meta.Duration `json:"interval,omitempty"`

	// ReconcileStrategy says what makes a new chart: a new ChartVersion, or a new
	// Revision of the source. Default: ChartVersion.
	// +kubebuilder:validation:Enum=ChartVersion;Revision
	// +optional
	ReconcileStrategy string `json:"reconcileStrategy,omitempty"`

	// ValuesFiles are merged in order into the values of the chart.
	// +optional
	ValuesFiles []string `json:"valuesFiles,omitempty"`

	// IgnoreMissingValuesFiles skips values files that do not exist. Default: false.
	// +optional
	IgnoreMissingValuesFiles bool `json:"ignoreMissingValuesFiles,omitempty"`

	// Verify says how to verify the signature of the chart. Default: not.
	// +optional
	Verify *sourcev1.OCIRepositoryVerification `json:"verify,omitempty"`

	HelmChartTemplateOCI `json:",inline"`
}

// HelmChartTemplateOCI holds what only an OCIRepository has.
type HelmChartTemplateOCI struct {
	// URL of the repository without tag, as in "oci://ghcr.io/org/charts/app".
	// +kubebuilder:validation:Pattern="^oci://.*$"
	// +optional
	URL string `json:"url,omitempty"`

	// Reference to follow. Default: the tag "latest".
	// +optional
	Reference *sourcev1.OCIRepositoryRef `json:"ref,omitempty"`

	// LayerSelector picks the layer to use. Default: the first, extracted.
	// +optional
	LayerSelector *sourcev1.OCILayerSelector `json:"layerSelector,omitempty"`

	// Provider of the credentials: generic takes them from a Secret, aws, azure and
	// gcp from a workload identity. Default: generic.
	// +kubebuilder:validation:Enum=generic;aws;azure;gcp
	// +optional
	Provider string `json:"provider,omitempty"`

	// SecretRef names the Secret of type kubernetes.io/dockerconfigjson with the
	// credentials. Default: anonymous.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// ServiceAccountName is the service account in this namespace whose image pull
	// secrets, or whose workload identity, are used.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// CertSecretRef names the Secret with ca.crt, or tls.crt and tls.key.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`

	// ProxySecretRef names the Secret with the address, and optionally username and
	// password, of the proxy.
	// +optional
	ProxySecretRef *meta.LocalObjectReference `json:"proxySecretRef,omitempty"`

	// Timeout of the registry operations of one reconcile. Default: 60s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// Ignore holds patterns in the syntax of .gitignore for what to leave out.
	// +optional
	Ignore *string `json:"ignore,omitempty"`

	// Insecure allows plain HTTP, and TLS without verification when no
	// certSecretRef is given. Default: false.
	// +optional
	Insecure bool `json:"insecure,omitempty"`

	// Suspend stops all work on the source. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// CrossNamespaceObjectReference names a source of charts in any namespace.
type CrossNamespaceObjectReference struct {
	// APIVersion of the source. Default: that of this version of Capstan.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the source.
	// +kubebuilder:validation:Enum=HelmRepository;GitRepository;Bucket
	Kind string `json:"kind"`

	// Name of the source.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Namespace of the source. Default: that of the release. Another one is
	// AccessDenied where cross-namespace references are switched off.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// CrossNamespaceSourceReference names an object that offers a chart, in any
// namespace.
type CrossNamespaceSourceReference struct {
	// APIVersion of the object. Default: that of this version of Capstan.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`

	// Kind of the object.
	// +kubebuilder:validation:Enum=OCIRepository;HelmChart;ExternalArtifact
	Kind string `json:"kind"`

	// Name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Namespace of the object. Default: that of the release. Another one is
	// AccessDenied where cross-namespace references are switched off.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// ValuesReference names a ConfigMap or Secret with values, in the namespace of the
// release.
type ValuesReference struct {
	// Kind of the object.
	// +kubebuilder:validation:Enum=Secret;ConfigMap
	Kind string `json:"kind"`

	// Name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// ValuesKey is the key to read. Default: "values.yaml".
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[\-._a-zA-Z0-9]+$`
	// +optional
	ValuesKey string `json:"valuesKey,omitempty"`

	// TargetPath is where in the values a single value goes, as in "image.tag".
	// Default: the key holds a whole YAML document of values.
	// +kubebuilder:validation:MaxLength=250
	// +kubebuilder:validation:Pattern=`^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$`
	// +optional
	TargetPath string `json:"targetPath,omitempty"`

	// Optional tolerates that the object or the key does not exist. Default: false.
	// +optional
	Optional bool `json:"optional,omitempty"`

	// Literal takes the value at targetPath as it is, without Helm's syntax.
	// Default: false.
	// +optional
	Literal bool `json:"literal,omitempty"`
}

// HelmRelease releases a chart.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:shortName=hr,categories=all;fluxcd;fluxcd-appliers
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type HelmRelease struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec HelmReleaseSpec `json:"spec,omitempty"`

	// Status is what was observed.
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status HelmReleaseStatus `json:"status,omitempty"`
}

// HelmReleaseList is a list of HelmReleases.
//
// +kubebuilder:object:root=true
type HelmReleaseList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []HelmRelease `json:"items"`
}
