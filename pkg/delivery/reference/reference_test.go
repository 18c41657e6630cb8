package reference_test

import (
	"testing"

	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
)

func TestReferenceNamesFieldAndObject(t *testing.T) {
	ref := reference.Reference{Field: "spec.decryption.secretRef", Kind: "Secret", Namespace: "apps", Name: "keys"}
	if got, want := ref.String(), "spec.decryption.secretRef: Secret apps/keys"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
