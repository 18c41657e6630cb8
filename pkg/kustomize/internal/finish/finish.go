// Package finish turns what was built into what is wanted: decrypted, substituted,
// and with the common metadata on top.
package finish

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/identity"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/piece"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/refusal"
	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
	"github.com/capstan-gitops/capstan/pkg/manifest"
)

// Options say what is wanted.
type Options struct {
	// Decrypt is applied to every object first. It may be nil.
	Decrypt   func(*unstructured.Unstructured) (*unstructured.Unstructured, error)
	Variables *substitute.Variables
	// Labels and Annotations are set over those of the object.
	Labels, Annotations map[string]string
	// Sensitive says that any object may hold something secret.
	Sensitive bool
	// Cache keeps what variables made of an object. It may be nil.
	Cache *piece.Cache
}

// Finisher finishes objects.
type Finisher struct {
	options   Options
	variables *substitute.Program
	// stamped is a digest of the common metadata.
	stamped string
}

// Facts are what is known of an object besides its content.
type Facts struct {
	// Sensitive says that the object may hold something secret.
	Sensitive bool
	// Identity is the same for two objects only if they are. It may be empty.
	Identity string
}

// New returns a Finisher. Variables with bad names are refused.
func New(o Options) (*Finisher, error) {
	variables, err := o.Variables.Compile()
	if err != nil {
		return nil, refusal.New("%w", err)
	}
	return &Finisher{options: o, variables: variables, stamped: digest(o.Labels, o.Annotations)}, nil
}

// Finish finishes one object.
func (f *Finisher) Finish(made piece.Object) (*unstructured.Unstructured, Facts, error) {
	replaced, identity, err := f.replace(made)
	if err != nil {
		return nil, Facts{}, err
	}
	obj := replaced.Object
	facts := Facts{Sensitive: f.options.Sensitive || replaced.Sensitive || manifest.IsSecret(obj)}
	if identity != "" {
		facts.Identity = identity + "/" + f.stamped
	}
	stamp(f.options.Labels, obj.GetLabels, obj.SetLabels)
	stamp(f.options.Annotations, obj.GetAnnotations, obj.SetAnnotations)
	return obj, facts, nil
}

// replace decrypts and substitutes. Most of the time of large builds with
// variables would go into making the same text of the same objects again.
func (f *Finisher) replace(made piece.Object) (out substitute.Result, identity string, err error) {
	known := made.Identity != "" && f.options.Decrypt == nil && f.variables.Digest() != ""
	key := made.Identity + "/" + f.variables.Digest()
	if known {
		if obj, sensitive, ok := f.options.Cache.Finished(key); ok {
			return substitute.Result{Object: obj, Sensitive: sensitive, Changed: true}, key, nil
		}
	}
	obj, err := made.Object()
	if err != nil {
		return out, "", err
	}
	obj, decrypted, err := f.decrypt(obj)
	if err != nil {
		return out, "", err
	}
	if out, err = f.variables.Apply(obj); err != nil {
		return out, "", refusal.New("%w", err)
	}
	out.Sensitive = out.Sensitive || decrypted
	switch {
	case made.Identity == "" || decrypted:
		return out, "", nil
	case !out.Changed:
		return out, made.Identity, nil
	case known:
		f.options.Cache.Keep(key, out.Object, out.Sensitive)
	}
	return out, key, nil
}

// decrypt reports whether the hook changed the object, in place or not.
func (f *Finisher) decrypt(obj *unstructured.Unstructured) (*unstructured.Unstructured, bool, error) {
	if f.options.Decrypt == nil {
		return obj, false, nil
	}
	before := obj.DeepCopy()
	plain, err := f.options.Decrypt(obj)
	if err != nil {
		return nil, false, refusal.New("decrypting %s: %w", NameOf(before), err)
	}
	if f := identity.Check(plain.Object); f != nil {
		return nil, false, refusal.New("decrypting %s: %w", NameOf(before), f.Among(before.Object))
	}
	return plain, !reflect.DeepEqual(before.Object, plain.Object), nil
}

func digest(all ...map[string]string) string {
	h := sha256.New()
	for _, m := range all {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			_, _ = fmt.Fprintf(h, "%q=%q\n", key, m[key])
		}
		_, _ = fmt.Fprintln(h)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func stamp(add map[string]string, get func() map[string]string, set func(map[string]string)) {
	if len(add) == 0 {
		return
	}
	merged := map[string]string{}
	maps.Copy(merged, get())
	maps.Copy(merged, add)
	set(merged)
}

// NameOf names an object in an error.
func NameOf(obj *unstructured.Unstructured) string {
	if ns := obj.GetNamespace(); ns != "" {
		return obj.GetKind() + "/" + ns + "/" + obj.GetName()
	}
	return obj.GetKind() + "/" + obj.GetName()
}
