package controller

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

const (
	// ledgerSecret is the Secret of the installation that keys its ledgers.
	ledgerSecret = "capstan-ledger-key"
	ledgerField  = "key"
	ledgerBytes  = 32
)

// ledgerKey reads the key of the ledger, and makes it at the first start. A
// controller that does not know its namespace uses a key of its own: its ledgers
// count for nothing after a restart, and everything is verified then.
func ledgerKey(ctx context.Context, direct client.Client, namespace string, log logr.Logger) (inventory.Key, error) {
	key := make([]byte, ledgerBytes)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("making the ledger key: %w", err)
	}
	if namespace == "" {
		log.Info("the ledger counts until the next restart only, because RUNTIME_NAMESPACE is not set")
		return key, nil
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: ledgerSecret}}
	err := direct.Get(ctx, client.ObjectKeyFromObject(secret), secret)
	if apierrors.IsNotFound(err) {
		secret.Data = map[string][]byte{ledgerField: key}
		err = direct.Create(ctx, secret)
		if apierrors.IsAlreadyExists(err) { // another replica was first
			err = direct.Get(ctx, client.ObjectKeyFromObject(secret), secret)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the ledger key from Secret %s/%s: %w", namespace, ledgerSecret, err)
	}
	if len(secret.Data[ledgerField]) < ledgerBytes {
		return nil, fmt.Errorf("reading the ledger key from Secret %s/%s: field %q holds less than %d bytes; delete the Secret to have it made anew",
			namespace, ledgerSecret, ledgerField, ledgerBytes)
	}
	return secret.Data[ledgerField], nil
}
