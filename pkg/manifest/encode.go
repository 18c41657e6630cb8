package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// Encode writes objects as a stream of YAML documents with sorted keys, each
// introduced by "---".
func Encode(objects []*unstructured.Unstructured) ([]byte, error) {
	var b bytes.Buffer
	for _, obj := range objects {
		data, err := yaml.Marshal(obj.Object)
		if err != nil {
			return nil, fmt.Errorf("writing %s %q: %w", obj.GetKind(), obj.GetName(), err)
		}
		b.WriteString("---\n")
		b.Write(data)
	}
	return b.Bytes(), nil
}

// Canonical writes an object as JSON with sorted keys and no white space, so that
// equal objects give equal bytes.
func Canonical(obj *unstructured.Unstructured) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(obj.Object); err != nil {
		return nil, fmt.Errorf("writing %s %q: %w", obj.GetKind(), obj.GetName(), err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Digest returns "sha256:" and the digest of an object's canonical JSON.
func Digest(obj *unstructured.Unstructured) (string, error) {
	data, err := Canonical(obj)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// DigestAll returns "sha256:" and the digest of objects in their given order, as
// Encode writes them.
func DigestAll(objects []*unstructured.Unstructured) (string, error) {
	data, err := Encode(objects)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

func unmarshalObject(data []byte, obj *unstructured.Unstructured) error {
	if err := utiljson.Unmarshal(data, &obj.Object); err != nil {
		return fmt.Errorf("it is not an object: %w", err)
	}
	return nil
}
