package unwrap

import (
	"context"
	"encoding/base64"
	"net/url"
	"regexp"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/getsops/sops/v3/azkv"

	"github.com/capstan-gitops/capstan/pkg/sops/keys"
)

var azureName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// azure asks Azure Key Vault. The client of Azure presents a token only to a vault
// whose host belongs to the resource that the token is for.
func (u *Unwrapper) azure(ctx context.Context, key *azkv.MasterKey) ([]byte, error) {
	vault, err := url.Parse(key.VaultURL)
	if err != nil || vault.Scheme != "https" || vault.Host == "" || vault.User != nil || vault.RawQuery != "" {
		return nil, Reason("its vault URL is not an https URL")
	}
	if len(key.Name)+len(key.Version) > maxName || !azureName.MatchString(key.Name) || (key.Version != "" && !azureName.MatchString(key.Version)) {
		return nil, Reason("its name or version is malformed")
	}
	blob, err := base64.RawURLEncoding.DecodeString(key.EncryptedKey)
	if err != nil {
		return nil, Reason("its encrypted data key is not base64")
	}
	credential, err := login(u, "azure", u.azureCredential)
	if err != nil {
		return nil, err
	}
	client, err := azkeys.NewClient(key.VaultURL, credential, &azkeys.ClientOptions{ClientOptions: u.azureOptions("")})
	if err != nil {
		return nil, Reason("its vault URL is refused")
	}
	algorithm := azkeys.EncryptionAlgorithmRSAOAEP256
	parameters := azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: blob}
	out, err := call(ctx, u, func(ctx context.Context) (azkeys.DecryptResponse, error) {
		return client.Decrypt(ctx, key.Name, key.Version, parameters, nil)
	})
	if err != nil {
		return nil, err
	}
	return out.Result, nil
}

// azureOptions leave retries to this package, and telemetry off.
func (u *Unwrapper) azureOptions(authority string) azcore.ClientOptions {
	o := azcore.ClientOptions{
		Transport: u.Client,
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{Disabled: true},
		Cloud:     cloud.AzurePublic,
	}
	if authority != "" {
		o.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: authority}
	}
	return o
}

func (u *Unwrapper) azureCredential() (azcore.TokenCredential, error) {
	static := u.Keys.Reveal().Azure
	if static == nil {
		if u.Identity == nil {
			return nil, Reason("key sops.azure-kv of the Secret is missing, and there is no workload identity")
		}
		return azureIdentity{u.Identity}, nil
	}
	credential, err := u.azureStatic(static)
	if err != nil {
		return nil, Reason("key sops.azure-kv of the Secret is refused by the client of Azure")
	}
	return credential, nil
}

func (u *Unwrapper) azureStatic(a *keys.Azure) (azcore.TokenCredential, error) {
	o := u.azureOptions(a.Authority)
	// Discovery asks the public cloud about authorities it does not know, which are
	// those of private clouds.
	private := a.Authority != ""
	switch {
	case !a.Secret.IsEmpty():
		return azidentity.NewClientSecretCredential(a.TenantID, a.ClientID, a.Secret.Reveal(),
			&azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: private})
	case a.Key != nil:
		return azidentity.NewClientCertificateCredential(a.TenantID, a.ClientID, a.Certificates, a.Key,
			&azidentity.ClientCertificateCredentialOptions{
				ClientOptions: o, DisableInstanceDiscovery: private, SendCertificateChain: a.SendChain,
			})
	}
	// The endpoint of managed identities is part of the platform and link-local, where
	// nothing of ours is dialled: the library asks it in its own way.
	return azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
		ClientOptions: azcore.ClientOptions{Retry: o.Retry}, ID: azidentity.ClientID(a.ClientID),
	})
}

// azureIdentity is the workload identity as the client of Azure wants it.
type azureIdentity struct{ Identity }

// GetToken returns an access token for the scopes that the vault asked for.
func (a azureIdentity) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := a.Azure(ctx, o.Scopes)
	if err != nil && !passing(err) {
		err = identityFailed("Azure", err)
	}
	return token, err
}
