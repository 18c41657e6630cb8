package v1

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Values of spec.type of a Provider.
const (
	SlackProvider                     = "slack"
	DiscordProvider                   = "discord"
	MSTeamsProvider                   = "msteams"
	RocketProvider                    = "rocket"
	GenericProvider                   = "generic"
	GenericHMACProvider               = "generic-hmac"
	GitHubProvider                    = "github"
	GitLabProvider                    = "gitlab"
	GiteaProvider                     = "gitea"
	GiteaPullRequestCommentProvider   = "giteapullrequestcomment"
	BitbucketServerProvider           = "bitbucketserver"
	BitbucketProvider                 = "bitbucket"
	AzureDevOpsProvider               = "azuredevops"
	GoogleChatProvider                = "googlechat"
	GooglePubSubProvider              = "googlepubsub"
	WebexProvider                     = "webex"
	SentryProvider                    = "sentry"
	AzureEventHubProvider             = "azureeventhub"
	TelegramProvider                  = "telegram"
	LarkProvider                      = "lark"
	MatrixProvider                    = "matrix"
	OpsgenieProvider                  = "opsgenie"
	AlertmanagerProvider              = "alertmanager"
	GrafanaProvider                   = "grafana"
	GitHubDispatchProvider            = "githubdispatch"
	GitHubPullRequestCommentProvider  = "githubpullrequestcomment"
	GitLabMergeRequestCommentProvider = "gitlabmergerequestcomment"
	PagerDutyProvider                 = "pagerduty"
	DataDogProvider                   = "datadog"
	NATSProvider                      = "nats"
	ZulipProvider                     = "zulip"
	OTELProvider                      = "otel"
	ZoomProvider                      = "zoom"
	IncidentIOProvider                = "incident.io"
	MastodonProvider                  = "mastodon"
)

// DefaultTimeout bounds the sending of a notification when the Provider names no
// timeout.
const DefaultTimeout = 15 * time.Second

// ProviderSpec says how to reach a service that takes notifications.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'github' || self.type == 'gitlab' || self.type == 'gitea' || self.type == 'bitbucketserver' || self.type == 'bitbucket' || self.type == 'azuredevops' || !has(self.commitStatusExpr)",message="spec.commitStatusExpr needs spec.type github, gitlab, gitea, bitbucketserver, bitbucket or azuredevops"
type ProviderSpec struct {
	// Type of the service.
	// +kubebuilder:validation:Enum=slack;discord;msteams;rocket;generic;generic-hmac;github;gitlab;gitea;giteapullrequestcomment;bitbucketserver;bitbucket;azuredevops;googlechat;googlepubsub;webex;sentry;azureeventhub;telegram;lark;matrix;opsgenie;alertmanager;grafana;githubdispatch;githubpullrequestcomment;gitlabmergerequestcomment;pagerduty;datadog;nats;zulip;otel;zoom;incident.io;mastodon
	Type string `json:"type"`

	ProviderSettings `json:",inline"`
}

// ProviderSettings are what a Provider of every version has beside its type.
type ProviderSettings struct {
	// Channel to send to, where the service has channels; its meaning depends on
	// the type.
	// +kubebuilder:validation:MaxLength:=2048
	// +optional
	Channel string `json:"channel,omitempty"`

	// Username to send as, where the service allows to choose. Default: the name of
	// the controller.
	// +kubebuilder:validation:MaxLength:=2048
	// +optional
	Username string `json:"username,omitempty"`

	// Address of the service, usually a URL; the key address of the Secret wins. Put
	// it there if it holds a token.
	// +kubebuilder:validation:MaxLength:=2048
	// +optional
	Address string `json:"address,omitempty"`

	// Timeout of sending a notification. Default: 15s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m))+$"
	// +optional
	Timeout meta.Duration `json:"timeout,omitempty"`

	// ProxySecretRef names the Secret with the address, and optionally username and
	// password, of the proxy.
	// +optional
	ProxySecretRef *meta.LocalObjectReference `json:"proxySecretRef,omitempty"`

	// SecretRef names the Secret with the credentials: token, or username and
	// password; also address, proxy and headers.
	// +optional
	SecretRef *meta.LocalObjectReference `json:"secretRef,omitempty"`

	// ServiceAccountName is the service account in this namespace whose workload
	// identity is used, with types that can.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// CertSecretRef names the Secret with ca.crt, or tls.crt and tls.key.
	// +optional
	CertSecretRef *meta.LocalObjectReference `json:"certSecretRef,omitempty"`

	// Suspend drops all notifications for the service. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// CommitStatusExpr is a CEL expression over event, alert and provider whose
	// result is the name of the commit status. Default: made from kind and name of
	// the object and the UID of the Provider.
	// +optional
	CommitStatusExpr string `json:"commitStatusExpr,omitempty"`
}

// Provider is a service that takes notifications. It has no status.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:resource:categories=all;fluxcd;fluxcd-notifications
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=`.metadata.creationTimestamp`
type Provider struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what is wanted.
	// +optional
	Spec ProviderSpec `json:"spec,omitempty"`
}

// ProviderList is a list of Providers.
//
// +kubebuilder:object:root=true
type ProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items of the list.
	Items []Provider `json:"items"`
}

// GetTimeout returns the timeout of sending a notification: that of the spec, or
// DefaultTimeout.
func (in *Provider) GetTimeout() (time.Duration, error) {
	d, err := in.Spec.Timeout.Or(DefaultTimeout)
	if err != nil {
		return 0, fmt.Errorf("reading spec.timeout: %w", err)
	}
	return d, nil
}

// Suspended reports whether the object is to be left alone.
func (in *Provider) Suspended() bool { return in.Spec.Suspend }
