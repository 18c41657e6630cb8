// Package identity is the workload identity with which a unit meets key services:
// that of the controller, or that of a ServiceAccount in the unit's namespace. It
// adapts github.com/fluxcd/pkg/auth.
//
// Tokens of ServiceAccounts are exchanged over pkg/egress. The controller's own
// identity comes from the platform: from files, environment and metadata endpoints
// that the cloud gives to the pod. Those endpoints are link-local, where pkg/egress
// never dials, so the library asks them in its own way; no unit can influence where
// it asks.
package identity

import (
	"context"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/fluxcd/pkg/auth"
	awsauth "github.com/fluxcd/pkg/auth/aws"
	azureauth "github.com/fluxcd/pkg/auth/azure"
	gcpauth "github.com/fluxcd/pkg/auth/gcp"
	"github.com/fluxcd/pkg/cache"
	"golang.org/x/oauth2"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/sops/unwrap"
)

// tokenSeconds is the shortest lifetime the API server grants; a login takes less.
const tokenSeconds = 600

// MintFunc makes a token of a ServiceAccount with one audience (TokenRequest).
type MintFunc func(ctx context.Context, account types.NamespacedName, audience string) (credentials.Secret, error)

// Options are what the identities of a process share.
type Options struct {
	// Kind is the kind of the units, for the metrics of the token cache.
	Kind string
	// Client reads ServiceAccounts and makes their tokens.
	Client client.Client
	// Mint makes tokens for Vault. Nil means Minter of Client.
	Mint MintFunc
	// HTTP exchanges tokens. It comes from pkg/egress and follows no redirect.
	HTTP *http.Client
	// Cache keeps access tokens between builds; nil means they are not kept.
	Cache *cache.TokenCache
	// Controller is the ServiceAccount that the controller runs as. It is what Vault
	// sees of units that name none.
	Controller types.NamespacedName
}

// Identity is one workload identity. It implements unwrap.Identity.
type Identity struct {
	Options
	account types.NamespacedName
	unit    types.NamespacedName
}

// ForController is the identity of units that name no ServiceAccount.
func ForController(o Options, unit types.NamespacedName) *Identity {
	return &Identity{Options: o, unit: unit}
}

// ForServiceAccount is the identity of a unit that names a ServiceAccount of its
// namespace. The caller has checked that the feature gate ObjectLevelWorkloadIdentity
// is on, here and in the library.
func ForServiceAccount(o Options, unit types.NamespacedName, name string) *Identity {
	return &Identity{Options: o, unit: unit, account: types.NamespacedName{Namespace: unit.Namespace, Name: name}}
}

// Minter asks the API server for tokens.
func Minter(c client.Client) MintFunc {
	return func(ctx context.Context, account types.NamespacedName, audience string) (credentials.Secret, error) {
		seconds := int64(tokenSeconds)
		request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
			Audiences: []string{audience}, ExpirationSeconds: &seconds,
		}}
		owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: account.Namespace, Name: account.Name}}
		if err := c.SubResource("token").Create(ctx, owner, request); err != nil {
			return credentials.Secret{}, refused(account, err)
		}
		return credentials.NewSecret(request.Status.Token), nil
	}
}

// refused says what the API server answered about a ServiceAccount.
func refused(account types.NamespacedName, err error) error {
	reason := apierrors.ReasonForError(err)
	if reason == metav1.StatusReasonUnknown {
		return fmt.Errorf("asking for ServiceAccount %s: %w", account, err)
	}
	return unwrap.Reason(fmt.Sprintf("the API server answers %s for ServiceAccount %s", reason, account))
}

// AWS returns credentials for a region.
func (i *Identity) AWS(ctx context.Context, region string) (aws.Credentials, error) {
	provider := awsauth.Provider{}
	if i.ofAccount() {
		provider.Implementation = awsExchange{client: i.HTTP}
	}
	token, err := access[*awsauth.Credentials](ctx, i, provider, auth.WithSTSRegion(region))
	if err != nil {
		return aws.Credentials{}, err
	}
	return aws.Credentials{
		AccessKeyID:     aws.ToString(token.AccessKeyId),
		SecretAccessKey: aws.ToString(token.SecretAccessKey),
		SessionToken:    aws.ToString(token.SessionToken),
	}, nil
}

// Azure returns an access token for the scopes.
func (i *Identity) Azure(ctx context.Context, scopes []string) (azcore.AccessToken, error) {
	provider := azureauth.Provider{}
	if i.ofAccount() {
		provider.Implementation = azureExchange{client: i.HTTP}
	}
	token, err := access[*azureauth.Token](ctx, i, provider, auth.WithScopes(scopes...))
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return token.AccessToken, nil
}

// GCP returns an access token.
func (i *Identity) GCP(ctx context.Context) (*oauth2.Token, error) {
	provider := gcpauth.Provider{}
	if i.ofAccount() {
		provider.Implementation = gcpExchange{client: i.HTTP}
	}
	token, err := access[*gcpauth.Token](ctx, i, provider)
	if err != nil {
		return nil, err
	}
	return &token.Token, nil
}

// Vault returns a token with the audience, and the role: namespace, underscore, name.
func (i *Identity) Vault(ctx context.Context, audience string) (credentials.Secret, string, error) {
	account := i.account
	if !i.ofAccount() {
		account = i.Controller
	}
	if account.Name == "" {
		return credentials.Secret{}, "", unwrap.Reason("the controller does not know its own ServiceAccount")
	}
	mint := i.Mint
	if mint == nil {
		mint = Minter(i.Client)
	}
	token, err := mint(ctx, account, audience)
	return token, account.Namespace + "_" + account.Name, err
}

func (i *Identity) ofAccount() bool { return i.account.Name != "" }

// access gets a token from the library. What annotations lack is found before the
// library is asked, because that text can be shown and the library's cannot.
func access[T auth.Token](ctx context.Context, i *Identity, provider auth.Provider, opts ...auth.Option) (T, error) {
	var none T
	if i.ofAccount() {
		var account corev1.ServiceAccount
		if err := i.Client.Get(ctx, i.account, &account); err != nil {
			return none, refused(i.account, err)
		}
		if _, err := provider.GetIdentity(account); err != nil {
			return none, unwrap.Reason(fmt.Sprintf("ServiceAccount %s: %v", i.account, err))
		}
		opts = append(opts, auth.WithClient(i.Client),
			auth.WithServiceAccountName(i.account.Name), auth.WithServiceAccountNamespace(i.account.Namespace))
	}
	if i.Cache != nil {
		opts = append(opts, auth.WithCache(*i.Cache, cache.InvolvedObject{
			Kind: i.Kind, Namespace: i.unit.Namespace, Name: i.unit.Name, Operation: "decrypt_sops",
		}))
	}
	token, err := auth.GetAccessToken(ctx, provider, opts...)
	if err != nil {
		return none, err
	}
	own, ok := token.(T)
	if !ok {
		return none, fmt.Errorf("getting a token: it is a %T", token)
	}
	return own, nil
}
