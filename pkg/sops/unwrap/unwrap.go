package unwrap

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/azkv"
	"github.com/getsops/sops/v3/gcpkms"
	"github.com/getsops/sops/v3/hckms"
	"github.com/getsops/sops/v3/hcvault"
	sopskeys "github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/kms"
	"github.com/getsops/sops/v3/pgp"
	"golang.org/x/oauth2"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/sops/keys"
)

// maxKey bounds what is taken for a data key; a real one has 32 bytes, or 33 as a
// part of one.
const maxKey = 4 << 10

// maxName bounds the name of a key at a service.
const maxName = 512

// Identity is the workload identity of the unit, for services that the Secret holds
// no credential of. Errors made by Reason are shown as they are, others are not.
type Identity interface {
	// AWS returns credentials for a region.
	AWS(ctx context.Context, region string) (aws.Credentials, error)
	// Azure returns an access token for the scopes.
	Azure(ctx context.Context, scopes []string) (azcore.AccessToken, error)
	// GCP returns an access token.
	GCP(ctx context.Context) (*oauth2.Token, error)
	// Vault returns a token of the ServiceAccount with the audience, and the role it
	// logs in to.
	Vault(ctx context.Context, audience string) (token credentials.Secret, role string, err error)
}

// Options are what an Unwrapper works with.
type Options struct {
	// Keys are those of the unit.
	Keys keys.Keys
	// Vault lists the servers that accept the token of a ServiceAccount.
	Vault keys.VaultInstances
	// Identity is that of the unit; nil means there is none.
	Identity Identity
	// Client makes the requests. It comes from pkg/egress and follows no redirect.
	Client *http.Client
	// Clock measures deadlines and pauses.
	Clock clock.Clock
	// Timeout is how long one request may take.
	Timeout time.Duration
}

// Unwrapper decrypts data keys for one build. It remembers the logins it made, and
// may be used by several goroutines.
type Unwrapper struct {
	Options
	mu     sync.Mutex
	logins map[string]any
}

// New returns an Unwrapper.
func New(o Options) *Unwrapper { return &Unwrapper{Options: o, logins: map[string]any{}} }

// Unwrap decrypts the data key, or a part of it, that a master key of a SOPS document
// holds.
func (u *Unwrapper) Unwrap(ctx context.Context, key sopskeys.MasterKey) (plain []byte, err error) {
	// Libraries meet answers of servers and content of documents here that nobody
	// vetted.
	defer func() {
		if recover() != nil {
			plain, err = nil, Reason("a library gave up on what it was given")
		}
	}()
	switch k := key.(type) {
	case *age.MasterKey:
		plain, err = u.age(k)
	case *pgp.MasterKey:
		plain, err = u.pgp(k)
	case *kms.MasterKey:
		plain, err = u.aws(ctx, k)
	case *azkv.MasterKey:
		plain, err = u.azure(ctx, k)
	case *gcpkms.MasterKey:
		plain, err = u.gcp(ctx, k)
	case *hcvault.MasterKey:
		plain, err = u.vault(ctx, k)
	default:
		err = Reason("keys of this kind are not supported")
	}
	switch {
	case err != nil:
		return nil, explain(err)
	case len(plain) == 0 || len(plain) > maxKey:
		return nil, Reason("what it decrypts to is no data key")
	}
	return plain, nil
}

// Name says which key it is: the kind of service and the key's own name, which is no
// secret.
func Name(key sopskeys.MasterKey) string {
	switch k := key.(type) {
	case *age.MasterKey:
		return "age recipient " + Clip(k.Recipient)
	case *pgp.MasterKey:
		return "PGP key " + Clip(k.Fingerprint)
	case *kms.MasterKey:
		return "AWS KMS key " + Clip(k.Arn)
	case *azkv.MasterKey:
		return "Azure Key Vault key " + Clip(redactURL(k.VaultURL)+"/keys/"+k.Name+"/"+k.Version)
	case *gcpkms.MasterKey:
		return "GCP KMS key " + Clip(k.ResourceID)
	case *hcvault.MasterKey:
		return "Vault transit key " + Clip(redactURL(k.VaultAddress)+"/v1/"+k.EnginePath+"/keys/"+k.KeyName)
	case *hckms.MasterKey:
		return "Huawei Cloud KMS key " + Clip(k.KeyID)
	}
	return "key of an unknown kind"
}

// Local reports whether a key is tried without the network.
func Local(key sopskeys.MasterKey) bool {
	switch key.(type) {
	case *age.MasterKey, *pgp.MasterKey:
		return true
	}
	return false
}

// login returns what an earlier call for the same name returned, or calls make.
func login[T any](u *Unwrapper, name string, make func() (T, error)) (T, error) {
	u.mu.Lock()
	known, ok := u.logins[name].(T)
	u.mu.Unlock()
	if ok {
		return known, nil
	}
	made, err := make()
	if err == nil {
		u.mu.Lock()
		u.logins[name] = made
		u.mu.Unlock()
	}
	return made, err
}
