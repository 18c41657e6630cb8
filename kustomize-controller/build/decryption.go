package build

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/sops"
	"github.com/capstan-gitops/capstan/pkg/sops/identity"
	"github.com/capstan-gitops/capstan/pkg/sops/keys"
)

// vaultKey is the key of the ConfigMap that lists Vault instances.
const vaultKey = "config.yaml"

// Decryption makes the decryptors of units.
type Decryption struct {
	// Service is what they share.
	Service *sops.Service
	// Installation is what the flags give to all units.
	Installation request.Installation
	// Account is the ServiceAccount of units that name none; empty is that of the
	// controller.
	Account string
	// Identities are what workload identities share.
	Identities identity.Options
}

// For returns the decryptor of one build of a unit, or nil if it asks for none.
func (d *Decryption) For(ctx context.Context, unit *kustomizev1.Kustomization, read Contents) (*sops.Decryptor, error) {
	if unit.Spec.Decryption == nil {
		return nil, nil
	}
	with := sops.Unit{Identity: d.identity(unit)}
	var err error
	if ref := d.Installation.KeyReference(unit); ref != nil {
		err = content(ctx, read, *ref, func(data map[string][]byte) (err error) {
			if unit.Spec.Decryption.SecretRef == nil {
				with.Fallback, err = keys.ReadAge(data)
				return err
			}
			own, err := keys.Read(data)
			with.Keys = &own
			return err
		})
	}
	if ref := d.Installation.VaultReference(); ref != nil && err == nil {
		err = content(ctx, read, *ref, func(data map[string][]byte) (err error) {
			with.Vault, err = keys.ReadVaultInstances(string(data[vaultKey]))
			return err
		})
	}
	if err != nil {
		return nil, fault.Retry(meta.ReasonBuildFailed, err)
	}
	return d.Service.For(with), nil
}

func (d *Decryption) identity(unit *kustomizev1.Kustomization) *identity.Identity {
	name := types.NamespacedName{Namespace: unit.Namespace, Name: unit.Name}
	if account := cmp.Or(unit.Spec.Decryption.ServiceAccountName, d.Account); account != "" {
		return identity.ForServiceAccount(d.Identities, name, account)
	}
	return identity.ForController(d.Identities, name)
}

// DecryptError is a build that failed because something could not be decrypted.
type DecryptError struct{ Err error }

// Error returns what went wrong.
func (e *DecryptError) Error() string { return e.Err.Error() }

// Unwrap returns what went wrong.
func (e *DecryptError) Unwrap() error { return e.Err }

// watched remembers whether a hook of a build failed. The error of the build does not
// say so: it passes through libraries that keep the text only.
type watched struct{ failed atomic.Bool }

// hooks returns the hooks of the decryptor.
func (w *watched) hooks(ctx context.Context, d *sops.Decryptor) (
	file func(string, []byte) ([]byte, error), object func(*unstructured.Unstructured) (*unstructured.Unstructured, error),
) {
	ofFile, ofObject := d.FileHook(ctx), d.ObjectHook(ctx)
	return func(path string, data []byte) ([]byte, error) {
			out, err := ofFile(path, data)
			w.failed.CompareAndSwap(false, err != nil)
			return out, err
		}, func(obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
			out, err := ofObject(obj)
			w.failed.CompareAndSwap(false, err != nil)
			return out, err
		}
}

// name makes the error of a build a DecryptError, if that is what it is.
func (w *watched) name(err error) error {
	if w.failed.Load() {
		return &DecryptError{err}
	}
	return err
}

// content hands the data of a reference to take.
func content(ctx context.Context, read Contents, ref reference.Reference, take func(map[string][]byte) error) error {
	data, err := read(ctx, ref)
	if err == nil && data == nil {
		err = errAbsent
	}
	if err == nil {
		err = take(data)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", ref, err)
	}
	return nil
}
