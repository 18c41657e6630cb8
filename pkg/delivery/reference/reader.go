package reference

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Reader reads an object of a kind from the cluster; one that does not exist is
// nil.
type Reader func(ctx context.Context, kind string, name types.NamespacedName) (*Object, error)

// ReadFrom returns a Reader that acts under the identity of a client.
func ReadFrom(reader client.Reader) Reader {
	return func(ctx context.Context, kind string, name types.NamespacedName) (*Object, error) {
		var err error
		out := &Object{}
		if kind == KindSecret {
			secret := &corev1.Secret{}
			err = reader.Get(ctx, name, secret)
			out.UID, out.ResourceVersion, out.Data = secret.UID, secret.ResourceVersion, secret.Data
		} else {
			configMap := &corev1.ConfigMap{}
			err = reader.Get(ctx, name, configMap)
			out.UID, out.ResourceVersion, out.Data = configMap.UID, configMap.ResourceVersion, textsOf(configMap)
		}
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if out.Data == nil {
			out.Data = map[string][]byte{}
		}
		return out, err
	}
}

// textsOf returns the entries of a ConfigMap. Its binary data is no text and does
// not count.
func textsOf(configMap *corev1.ConfigMap) map[string][]byte {
	data := make(map[string][]byte, len(configMap.Data))
	for name, value := range configMap.Data {
		data[name] = []byte(value)
	}
	return data
}
