package sops

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/sops/unwrap"
)

// problem is an error of this package: a sentence that is known to hold no value,
// and what to do about it.
type problem struct{ text, hint string }

// Error returns the sentence.
func (p *problem) Error() string { return p.text }

// broken is what is wrong with a document.
func broken(format string, args ...any) error {
	return &problem{fmt.Sprintf(format, args...), "encrypt it again with sops"}
}

func tooLarge(size int) error {
	return &problem{
		fmt.Sprintf("it has %d bytes, more than the limit of %d for encrypted documents", size, maxBytes),
		"split it into several documents",
	}
}

// failed makes the error that leaves this package.
func failed(name string, err error) error {
	if err == nil {
		return nil
	}
	var opts []fault.Option
	if p := (*problem)(nil); errors.As(err, &p) && p.hint != "" {
		opts = append(opts, fault.Hint("%s", p.hint))
	}
	if name != "" {
		err = fmt.Errorf("decrypting %s: %w", name, err)
	}
	return fault.Retry(meta.ReasonBuildFailed, err, opts...)
}

func nameOf(obj *unstructured.Unstructured) string {
	parts := []string{obj.GetKind(), obj.GetNamespace(), obj.GetName()}
	if parts[1] == "" {
		parts = []string{parts[0], parts[2]}
	}
	return unwrap.Clip(strings.Join(parts, "/"))
}
