package phase_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/phase"
)

// TestActions holds the steps that events name against those of the contract; clients
// select events by them.
func TestActions(t *testing.T) {
	r := newRig(t)
	all := slices.Concat(phase.List(r.store, r.options), phase.Finalize(r.store))
	got := map[string]meta.Action{}
	for _, p := range all {
		got[p.Name] = p.Action
	}
	want := map[string]meta.Action{
		"accept": "", "prepare": "ReconcileStorage", "connect": "ReconcileSource", "resolve": "ReconcileSource", "fetch": "ReconcileSource",
		"publish": "ReconcileArtifact", "collect": "GarbageCollect", "remove": "Finalize",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(all) != len(got) {
		t.Errorf("%d phases have %d names: %v", len(all), len(got), names(all))
	}
}

func names(phases []reconciler.Phase[*phase.Scope]) (out []string) {
	for _, p := range phases {
		out = append(out, p.Name)
	}
	return out
}
