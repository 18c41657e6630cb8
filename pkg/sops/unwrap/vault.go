package unwrap

import (
	"context"
	"errors"
	"net/http"

	"github.com/getsops/sops/v3/hcvault"

	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/sops/keys"
)

// vault asks the transit engine of a Vault or OpenBao server.
func (u *Unwrapper) vault(ctx context.Context, key *hcvault.MasterKey) ([]byte, error) {
	address, err := keys.VaultAddress(key.VaultAddress)
	if err != nil {
		return nil, Reason(err.Error())
	}
	if !keys.VaultPath(key.EnginePath) || !keys.VaultPath(key.KeyName) {
		return nil, Reason("its engine path or name is malformed")
	}
	token, err := login(u, "vault/"+address, func() (credentials.Secret, error) { return u.vaultToken(ctx, address) })
	if err != nil {
		return nil, err
	}
	var out struct {
		Data struct {
			Plaintext []byte `json:"plaintext"`
		} `json:"data"`
	}
	target := address + "/v1/" + key.EnginePath + "/decrypt/" + key.KeyName
	header := http.Header{"X-Vault-Token": {token.Reveal()}, "X-Vault-Request": {"true"}}
	_, err = call(ctx, u, func(ctx context.Context) (any, error) {
		return nil, u.post(ctx, target, header, map[string]string{"ciphertext": key.EncryptedKey}, &out)
	})
	return out.Data.Plaintext, err
}

// vaultToken is the static token, or what a listed server gives for the token of
// the ServiceAccount. A server that is not listed never sees one.
func (u *Unwrapper) vaultToken(ctx context.Context, address string) (credentials.Secret, error) {
	if static := u.Keys.Reveal().Vault; !static.IsEmpty() {
		return static, nil
	}
	instance, listed := u.Vault.Find(address)
	if !listed || u.Identity == nil {
		return credentials.Secret{}, Reason("key sops.vault-token of the Secret is missing, " +
			"and the server is not on the list of those that accept ServiceAccounts")
	}
	var jwt credentials.Secret
	role, err := call(ctx, u, func(ctx context.Context) (role string, err error) {
		jwt, role, err = u.Identity.Vault(ctx, instance.Audience)
		return role, err
	})
	if err != nil {
		return credentials.Secret{}, Reason("getting a token of the ServiceAccount: " + explain(err).Error())
	}
	var out struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	_, err = call(ctx, u, func(ctx context.Context) (any, error) {
		body := map[string]string{"role": role, "jwt": jwt.Reveal()}
		return nil, u.post(ctx, address+"/v1/"+instance.LoginPath, http.Header{"X-Vault-Request": {"true"}}, body, &out)
	})
	if err == nil && out.Auth.Token == "" {
		err = errors.New("no token")
	}
	if err != nil {
		return credentials.Secret{}, Reason("logging in as role " + Clip(role) + ": " + explain(err).Error())
	}
	return credentials.NewSecret(out.Auth.Token), nil
}
