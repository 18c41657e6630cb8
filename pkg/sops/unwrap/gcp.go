package unwrap

import (
	"context"
	"encoding/base64"
	"net/http"
	"regexp"

	"github.com/getsops/sops/v3/gcpkms"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

const (
	gcpEndpoint = "https://cloudkms.googleapis.com/v1/"
	gcpScope    = "https://www.googleapis.com/auth/cloudkms"
)

var gcpResource = regexp.MustCompile(`^projects/[a-z0-9:.-]+/locations/[a-z0-9-]+/keyRings/[A-Za-z0-9_-]+/cryptoKeys/[A-Za-z0-9_-]+$`)

// gcp asks Google's KMS over REST, which passes proxies that gRPC does not.
func (u *Unwrapper) gcp(ctx context.Context, key *gcpkms.MasterKey) ([]byte, error) {
	if !gcpResource.MatchString(key.ResourceID) || len(key.ResourceID) > maxName {
		return nil, Reason("it is not the resource ID of a KMS key")
	}
	if _, err := base64.StdEncoding.DecodeString(key.EncryptedKey); err != nil {
		return nil, Reason("its encrypted data key is not base64")
	}
	token, err := login(u, "gcp", func() (*oauth2.Token, error) { return u.gcpToken(ctx) })
	if err != nil {
		return nil, err
	}
	var out struct {
		Plaintext []byte `json:"plaintext"`
	}
	header := http.Header{"Authorization": {"Bearer " + token.AccessToken}}
	_, err = call(ctx, u, func(ctx context.Context) (any, error) {
		return nil, u.post(ctx, gcpEndpoint+key.ResourceID+":decrypt", header, map[string]string{"ciphertext": key.EncryptedKey}, &out)
	})
	return out.Plaintext, err
}

func (u *Unwrapper) gcpToken(ctx context.Context) (*oauth2.Token, error) {
	static := u.Keys.Reveal().GCP
	if static == nil && u.Identity == nil {
		return nil, Reason("key sops.gcp-kms of the Secret is missing, and there is no workload identity")
	}
	if static == nil {
		token, err := call(ctx, u, u.Identity.GCP)
		if err != nil {
			return nil, identityFailed("GCP", err)
		}
		return token, nil
	}
	config, err := google.JWTConfigFromJSON([]byte(static.JSON.Reveal()), gcpScope)
	if err != nil {
		return nil, Reason("key sops.gcp-kms of the Secret is refused by the client of Google")
	}
	token, err := call(ctx, u, func(ctx context.Context) (*oauth2.Token, error) {
		return config.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, u.Client)).Token()
	})
	if err != nil {
		return nil, Reason("logging in with key sops.gcp-kms of the Secret: " + explain(err).Error())
	}
	return token, nil
}
