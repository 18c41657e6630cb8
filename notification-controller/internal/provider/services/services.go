// Package services is the list of the types of Provider: the one place that knows
// which there are, which events each of them takes, and which of them this version
// acts on.
package services

import (
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/generic"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/slack"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
	"github.com/capstan-gitops/capstan/pkg/egress"
)

// Type is what is known of a type of Provider.
type Type struct {
	// Takes says which events it is for.
	Takes route.Interest
	// Service sends its messages; nil if this version does not act on the type.
	Service provider.Service
}

// Services is the list, with the connections that its services keep.
type Services struct {
	types map[string]Type
	drop  []func(provider types.NamespacedName)
}

// New returns the list. Its services dial under the guard.
func New(guard egress.Guard, c clock.PassiveClock) *Services {
	clients := provider.NewClients(guard)
	poster := &provider.Poster{Client: clients.Of, Clock: c}
	return &Services{
		drop: []func(types.NamespacedName){clients.Drop},
		types: map[string]Type{
			notificationv1.AlertmanagerProvider:              {Takes: route.Reports},
			notificationv1.AzureDevOpsProvider:               {Takes: route.CommitStatuses},
			notificationv1.AzureEventHubProvider:             {Takes: route.Reports},
			notificationv1.BitbucketProvider:                 {Takes: route.CommitStatuses},
			notificationv1.BitbucketServerProvider:           {Takes: route.CommitStatuses},
			notificationv1.DataDogProvider:                   {Takes: route.Reports},
			notificationv1.DiscordProvider:                   {Takes: route.Reports},
			notificationv1.GenericHMACProvider:               {Takes: route.Everything, Service: &generic.Service{Poster: poster, Signed: true}},
			notificationv1.GenericProvider:                   {Takes: route.Everything, Service: &generic.Service{Poster: poster}},
			notificationv1.GitHubDispatchProvider:            {Takes: route.Reports},
			notificationv1.GitHubProvider:                    {Takes: route.CommitStatuses},
			notificationv1.GitHubPullRequestCommentProvider:  {Takes: route.ChangeRequests},
			notificationv1.GitLabMergeRequestCommentProvider: {Takes: route.ChangeRequests},
			notificationv1.GitLabProvider:                    {Takes: route.CommitStatuses},
			notificationv1.GiteaProvider:                     {Takes: route.CommitStatuses},
			notificationv1.GiteaPullRequestCommentProvider:   {Takes: route.ChangeRequests},
			notificationv1.GoogleChatProvider:                {Takes: route.Reports},
			notificationv1.GooglePubSubProvider:              {Takes: route.Reports},
			notificationv1.GrafanaProvider:                   {Takes: route.Reports},
			notificationv1.IncidentIOProvider:                {Takes: route.Reports},
			notificationv1.LarkProvider:                      {Takes: route.Reports},
			notificationv1.MSTeamsProvider:                   {Takes: route.Reports},
			notificationv1.MastodonProvider:                  {Takes: route.Reports},
			notificationv1.MatrixProvider:                    {Takes: route.Reports},
			notificationv1.NATSProvider:                      {Takes: route.Reports},
			notificationv1.OTELProvider:                      {Takes: route.Reports},
			notificationv1.OpsgenieProvider:                  {Takes: route.Reports},
			notificationv1.PagerDutyProvider:                 {Takes: route.Reports},
			notificationv1.RocketProvider:                    {Takes: route.Reports},
			notificationv1.SentryProvider:                    {Takes: route.Reports},
			notificationv1.SlackProvider:                     {Takes: route.Reports, Service: &slack.Service{Poster: poster}},
			notificationv1.TelegramProvider:                  {Takes: route.Reports},
			notificationv1.WebexProvider:                     {Takes: route.Reports},
			notificationv1.ZoomProvider:                      {Takes: route.Reports},
			notificationv1.ZulipProvider:                     {Takes: route.Reports},
		},
	}
}

// Of returns what is known of a type. One that is not in the list is one that this
// version does not act on.
func (s *Services) Of(providerType string) Type { return s.types[providerType] }

// Drop releases the connections of a Provider that is gone.
func (s *Services) Drop(provider types.NamespacedName) {
	for _, drop := range s.drop {
		drop(provider)
	}
}
