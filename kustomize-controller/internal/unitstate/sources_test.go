package unitstate_test

import (
	"testing"

	"github.com/capstan-gitops/capstan/kustomize-controller/internal/unitstate"
)

func TestDistrust(t *testing.T) {
	const source = "GitRepository/apps/podinfo"
	s := &unitstate.Sources{}
	if !s.Trusts(source) || s.Unreported(source) {
		t.Error("a source is believed until it was found wrong")
	}
	s.Distrust(source)
	if s.Trusts(source) || !s.Trusts("GitRepository/apps/other") {
		t.Error("the wrong source is distrusted")
	}
	if !s.Unreported(source) || s.Unreported(source) {
		t.Error("it is reported once")
	}
	s.Distrust(source)
	if s.Trusts(source) || s.Unreported(source) {
		t.Error("found wrong again, it is not reported again")
	}
}
