package phase

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/build"
)

// TestActions holds the steps that events name against those of the contract; clients
// select events by them.
func TestActions(t *testing.T) {
	got := map[string]meta.Action{}
	for _, p := range slices.Concat(Phases{}.Living(), Phases{}.Deleted()) {
		got[p.Name] = p.Action
	}
	want := map[string]meta.Action{
		"accept": "", "source": "ResolveSource", "dependencies": "CheckDependencies", "references": "", "cluster": "",
		"inputs": "ResolveSource", "build": "", "plan": "Apply", "apply": "Apply", "prune": "Prune", "health": "HealthCheck",
		"finalize": "Finalize",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestStepsOfABuild: a build fetches, decrypts and builds, and says which of them failed.
func TestStepsOfABuild(t *testing.T) {
	cause := errors.New("it broke")
	cases := map[string]struct {
		why  string
		err  error
		want meta.Action
	}{
		"Fetch":   {"the artifact could not be had", fmt.Errorf("app: %w", &build.FetchError{Err: cause}), meta.ActionResolveSource},
		"Decrypt": {"something could not be decrypted", fmt.Errorf("app: %w", &build.DecryptError{Err: cause}), meta.ActionDecrypt},
		"Build":   {"the rest is the reconcile", cause, meta.ActionReconcile},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := step(tc.err); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.why, got, tc.want)
			}
		})
	}
}
