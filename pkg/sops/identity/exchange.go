package identity

import (
	"context"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	awsauth "github.com/fluxcd/pkg/auth/aws"
	azureauth "github.com/fluxcd/pkg/auth/azure"
	gcpauth "github.com/fluxcd/pkg/auth/gcp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google/externalaccount"
)

// Each type below puts our HTTP client under one exchange of the library, and leaves
// retries to package unwrap. The methods they do not have are not on the way to a
// token of a ServiceAccount.

type awsExchange struct {
	awsauth.Implementation
	client *http.Client
}

// AssumeRoleWithWebIdentity exchanges the token at STS.
func (e awsExchange) AssumeRoleWithWebIdentity(
	ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput, o sts.Options,
) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	o.HTTPClient, o.Retryer = e.client, aws.NopRetryer{}
	return sts.New(o).AssumeRoleWithWebIdentity(ctx, in)
}

type azureExchange struct {
	azureauth.Implementation
	client *http.Client
}

// NewClientAssertionCredential exchanges the token at Entra ID.
func (e azureExchange) NewClientAssertionCredential(
	tenant, clientID string, assertion func(context.Context) (string, error), o *azidentity.ClientAssertionCredentialOptions,
) (azcore.TokenCredential, error) {
	o.Transport, o.Retry = e.client, policy.RetryOptions{MaxRetries: -1}
	return azidentity.NewClientAssertionCredential(tenant, clientID, assertion, o)
}

type gcpExchange struct {
	gcpauth.Implementation
	client *http.Client
}

// NewTokenSource exchanges the token at Google's STS.
func (e gcpExchange) NewTokenSource(ctx context.Context, config externalaccount.Config) (oauth2.TokenSource, error) {
	return externalaccount.NewTokenSource(context.WithValue(ctx, oauth2.HTTPClient, e.client), config)
}
