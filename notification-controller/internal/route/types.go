package route

import (
	"slices"

	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
)

func isGeneric(providerType string) bool {
	return providerType == notificationv1beta3.GenericProvider || providerType == notificationv1beta3.GenericHMACProvider
}

// isCommitStatus knows the types that put a status on a commit.
func isCommitStatus(providerType string) bool {
	return slices.Contains([]string{
		notificationv1beta3.GitHubProvider, notificationv1beta3.GitLabProvider, notificationv1beta3.GiteaProvider,
		notificationv1beta3.BitbucketServerProvider, notificationv1beta3.BitbucketProvider, notificationv1beta3.AzureDevOpsProvider,
	}, providerType)
}

// isComment knows the types that comment on a change request.
func isComment(providerType string) bool {
	return slices.Contains([]string{
		notificationv1beta3.GitHubPullRequestCommentProvider, notificationv1beta3.GitLabMergeRequestCommentProvider,
		notificationv1beta3.GiteaPullRequestCommentProvider,
	}, providerType)
}
