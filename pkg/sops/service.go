package sops

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/sops/keys"
	"github.com/capstan-gitops/capstan/pkg/sops/unwrap"
)

// defaultTimeout is how long one request to a key service may take.
const defaultTimeout = 10 * time.Second

// Options are what the decryptors of a process share.
type Options struct {
	// ExemptKey is the annotation or label that exempts an object from decryption
	// when its value is "disabled".
	ExemptKey string
	// Egress shapes the connections to key services. Redirects are never followed.
	Egress egress.Options
	// Clock measures deadlines and pauses. Nil means the real clock.
	Clock clock.Clock
	// Timeout is how long one request to a key service may take; 10 seconds if zero.
	Timeout time.Duration
}

// Service makes decryptors. It keeps the connections to key services.
type Service struct {
	options Options
	client  *http.Client
}

// New returns a Service.
func New(o Options) (*Service, error) {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	o.Egress.MaxRedirects = -1
	client, err := egress.NewClient(o.Egress)
	if err != nil {
		return nil, fmt.Errorf("making the client for key services: %w", err)
	}
	return &Service{options: o, client: client}, nil
}

// Client makes the requests to key services, for package identity.
func (s *Service) Client() *http.Client { return s.client }

// Unit is what a unit decrypts with.
type Unit struct {
	// Keys are those of the Secret that spec.decryption.secretRef names, or nil if it
	// names none.
	Keys *keys.Keys
	// Fallback are the age identities of the installation (--sops-age-secret), used
	// only if Keys is nil.
	Fallback keys.Keys
	// Vault lists the servers that accept tokens of ServiceAccounts.
	Vault keys.VaultInstances
	// Identity is the workload identity; nil means there is none.
	Identity unwrap.Identity
}

// For returns the Decryptor of one build.
func (s *Service) For(unit Unit) *Decryptor {
	given := unit.Fallback
	if unit.Keys != nil {
		given = *unit.Keys
	}
	return &Decryptor{
		exemptKey: s.options.ExemptKey, known: map[string][]byte{},
		unwrap: unwrap.New(unwrap.Options{
			Keys: given, Vault: unit.Vault, Identity: unit.Identity,
			Client: s.client, Clock: s.options.Clock, Timeout: s.options.Timeout,
		}),
	}
}

// FileHook is File for pkg/kustomize.Request.Decrypt, which names the file itself.
func (d *Decryptor) FileHook(ctx context.Context) func(path string, data []byte) ([]byte, error) {
	return func(path string, data []byte) ([]byte, error) {
		out, err := d.file(ctx, path, data)
		return out, failed("", err)
	}
}

// ObjectHook is Object for pkg/kustomize.Request.DecryptObject, which names the
// object itself.
func (d *Decryptor) ObjectHook(ctx context.Context) func(*unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return func(obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		out, err := d.object(ctx, obj)
		return out, failed("", err)
	}
}
