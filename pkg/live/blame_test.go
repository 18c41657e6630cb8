package live_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/drift"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/stream"
)

// TestBy names who changed an object, with what the API server recorded of it, by
// the event and after a restart by the list.
func TestBy(t *testing.T) {
	cases := map[string]struct {
		why  string
		do   func(*world, inventory.ID)
		kind drift.State
		want string
	}{
		"Image": {"a field of ours", deploy(other, func(obj fields) { containers(obj)[0].(fields)["image"] = "web:2" }),
			drift.Dirty, "somebody (.spec.template.spec.containers.image)"},
		"Scale": {"a scale is no status", func(w *world, id inventory.ID) { w.scale(id, 5) }, drift.Dirty, "scaler (.spec.replicas)"},
		"Extra": {"a field of theirs", deploy(other, func(obj fields) { obj["spec"].(fields)["minReadySeconds"] = int64(3) }),
			drift.Suspect, "somebody (.spec.minReadySeconds)"},
		"Stripped": {"nobody is named where nothing is recorded", deploy(other, setMeta([]any{fields{}}, "managedFields")), drift.Dirty, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			entry := w.apply(deployments, w.deployment())
			w.synced(w.table, entry)
			c.do(w, entry.ID)
			restarted := w.start()
			w.synced(restarted, entry)
			for when, table := range map[string]*live.Table{"by event": w.table, "after a restart": restarted} {
				v := table.Judge(w.unit).Objects[entry.ID]
				got := ""
				if v.By != nil {
					got = v.By.String()
				}
				if v.State != c.kind || got != c.want {
					t.Errorf("%s, %s: got %s by %q, want %s by %q", c.why, when, v.State, got, c.kind, c.want)
				}
			}
			w.apply(deployments, w.deployment())
			if v, ok := w.table.Judge(w.unit).Objects[entry.ID]; ok && v.By != nil && v.State != drift.Suspect {
				t.Errorf("after it was corrected: got %s by %s", v.State, v.By)
			}
		})
	}
}

// TestUnwatchable says why kinds cannot be watched, in words that stay the same.
func TestUnwatchable(t *testing.T) {
	w := newWorld(t)
	entry := w.apply(configMaps, w.configMap())
	unknown := inventory.Entry{ID: inventory.ID{Namespace: w.ns, Name: "x", Group: "example.org", Kind: "Unknown"}, Version: "v1"}
	w.synced(w.table, entry, unknown)
	want := map[schema.GroupKind]string{unknown.GroupKind(): string(stream.NotServed)}
	if diff := cmp.Diff(want, w.table.Judge(w.unit).Unwatchable); diff != "" {
		t.Error(diff)
	}
	w.table.Expect(w.unit, inventory.Of(entry))
	if got := w.table.Judge(w.unit).Unwatchable; got != nil {
		t.Errorf("when all kinds are watched: got %v", got)
	}
	w.options.Metadata = optionsFor(t, must(testEnv.ConfigFor("nobody"))(t)).Metadata
	denied := w.start()
	w.synced(denied, entry)
	want = map[schema.GroupKind]string{entry.GroupKind(): string(stream.Forbidden)}
	if diff := cmp.Diff(want, denied.Judge(w.unit).Unwatchable); diff != "" {
		t.Error(diff)
	}
}
