// Package ledger keeps the key of the installation's ledgers. The digests in a
// ledger are keyed, because a plain digest of a Secret in a status that others may
// read would let them guess its content.
package ledger

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
	// secretName is the Secret of the installation that holds the key.
	secretName = "capstan-ledger-key"
	secretKey  = "key"
	keyBytes   = 32
)

// Key reads the key of the ledgers, and makes it at the first start. A controller
// that does not know its namespace uses a key of its own: its ledgers count for
// nothing after a restart, and everything is verified then. The client must not
// cache: that would be a cache of all Secrets.
func Key(ctx context.Context, direct client.Client, namespace string, log logr.Logger) (inventory.Key, error) {
	key := make([]byte, keyBytes)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("making the ledger key: %w", err)
	}
	if namespace == "" {
		log.Info("the ledger counts until the next restart only, because RUNTIME_NAMESPACE is not set")
		return key, nil
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: secretName}}
	err := direct.Get(ctx, client.ObjectKeyFromObject(secret), secret)
	if apierrors.IsNotFound(err) {
		secret.Data = map[string][]byte{secretKey: key}
		err = direct.Create(ctx, secret)
		if apierrors.IsAlreadyExists(err) { // another replica was first
			err = direct.Get(ctx, client.ObjectKeyFromObject(secret), secret)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the ledger key from Secret %s/%s: %w", namespace, secretName, err)
	}
	if len(secret.Data[secretKey]) < keyBytes {
		return nil, fmt.Errorf("reading the ledger key from Secret %s/%s: field %q holds less than %d bytes; delete the Secret to have it made anew",
			namespace, secretName, secretKey, keyBytes)
	}
	return secret.Data[secretKey], nil
}
