package sops

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/sops/unwrap"
)

// maxBytes is the largest document that is decrypted.
const maxBytes = 5 << 20

// disabled is the value of the policy that exempts an object.
const disabled = "disabled"

// Decryptor decrypts for one build. It may be used by several goroutines.
type Decryptor struct {
	exemptKey string
	unwrap    *unwrap.Unwrapper
	mu        sync.Mutex
	known     map[string][]byte
}

// File decrypts a file that a generator or a patch refers to, if it has the marker of
// SOPS, and returns any other file as it is. The name, relative to the artifact,
// chooses the format.
func (d *Decryptor) File(ctx context.Context, path string, data []byte) ([]byte, error) {
	out, err := d.file(ctx, path, data)
	return out, failed(fmt.Sprintf("%q", unwrap.Clip(path)), err)
}

func (d *Decryptor) file(ctx context.Context, path string, data []byte) ([]byte, error) {
	in, encrypted := formatOfFile(path, data)
	if !encrypted {
		return data, nil
	}
	return d.document(ctx, data, in, in)
}

// Object decrypts a built object that is a SOPS document itself, and otherwise the
// SOPS documents among the data of a Secret. It returns any other object, and one
// that is exempted, as it is; it never changes the object it is given.
func (d *Decryptor) Object(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	out, err := d.object(ctx, obj)
	return out, failed(nameOf(obj), err)
}

func (d *Decryptor) object(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	switch {
	case d.exempt(obj):
		return obj, nil
	case isDocument(obj):
		return d.whole(ctx, obj)
	case obj.GetKind() == "Secret" && obj.GroupVersionKind().Group == "":
		return d.secret(ctx, obj)
	}
	return obj, nil
}

// exempt reads the policy as the others are read: an annotation or a label, in any
// case.
func (d *Decryptor) exempt(obj *unstructured.Unstructured) bool {
	return strings.EqualFold(obj.GetAnnotations()[d.exemptKey], disabled) ||
		strings.EqualFold(obj.GetLabels()[d.exemptKey], disabled)
}

func isDocument(obj *unstructured.Unstructured) bool {
	mac, found, err := unstructured.NestedString(obj.Object, "sops", "mac")
	return err == nil && found && mac != ""
}

func (d *Decryptor) whole(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(obj.Object)
	if err != nil {
		return nil, broken("the object is not JSON")
	}
	plain, err := d.document(ctx, data, formatJSON, formatJSON)
	if err != nil {
		return nil, err
	}
	out := &unstructured.Unstructured{}
	if err := out.UnmarshalJSON(plain); err != nil || out.GetName() == "" {
		return nil, broken("what it decrypts to is not a Kubernetes object")
	}
	return out, nil
}

func (d *Decryptor) secret(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	entries, _, err := unstructured.NestedStringMap(obj.Object, "data")
	if err != nil {
		// Whoever applies it says what is wrong with it.
		return obj, nil //nolint:nilerr // see above
	}
	changed := false
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		data, err := base64.StdEncoding.DecodeString(entries[name])
		if err != nil {
			continue
		}
		in, encrypted := formatOfContent(data)
		if !encrypted {
			continue
		}
		plain, err := d.document(ctx, data, in, formatOfEntry(name))
		if err != nil {
			return nil, fmt.Errorf("data %q: %w", unwrap.Clip(name), err)
		}
		entries[name] = base64.StdEncoding.EncodeToString(plain)
		changed = true
	}
	if !changed {
		return obj, nil
	}
	out := obj.DeepCopy()
	if err := unstructured.SetNestedStringMap(out.Object, entries, "data"); err != nil {
		return nil, broken("its data cannot be set")
	}
	return out, nil
}

// document decrypts a SOPS document from one format to another.
func (d *Decryptor) document(ctx context.Context, data []byte, in, out format) (plain []byte, err error) {
	if len(data) > maxBytes {
		return nil, tooLarge(len(data))
	}
	// The stores of the library meet documents of anybody. What was thrown may hold
	// a value, so it is not repeated.
	defer func() {
		if recover() != nil {
			plain, err = nil, broken("the SOPS library gave up on it")
		}
	}()
	tree, err := load(in, data)
	if err != nil {
		return nil, err
	}
	rules, err := rulesOf(&tree.Metadata)
	if err != nil {
		return nil, err
	}
	key, err := d.dataKey(ctx, &tree.Metadata)
	if err != nil {
		return nil, err
	}
	w := walker{ctx: ctx, key: key, rules: rules}
	for _, branch := range tree.Branches {
		if err := w.branch(branch, "", false, scope{}); err != nil {
			return nil, err
		}
	}
	return emit(out, tree.Branches)
}
