package memory_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
)

func TestUnits(t *testing.T) {
	name := types.NamespacedName{Namespace: "apps", Name: "podinfo"}
	m := memory.New()
	if got := m.Get(name, "1"); got.Table != nil || m.Attempt(name).Inputs != "" {
		t.Errorf("a unit nobody has seen is remembered: %+v", got)
	}
	m.Update(name, "1", func(u *memory.Unit) { u.Asked = "x" })
	if got := m.Get(name, "1"); got.Asked != "" {
		t.Error("an update made a unit that was not there")
	}
	m.Put(name, "1", memory.Unit{Asked: "a", Attempt: memory.Attempt{Inputs: "i"}})
	m.Update(name, "1", func(u *memory.Unit) { u.Fresh = "a" })
	if got := m.Get(name, "1"); got.Asked != "a" || got.Fresh != "a" || m.Attempt(name).Inputs != "i" {
		t.Errorf("remembered %+v", got)
	}
	m.Update(name, "2", func(u *memory.Unit) { u.Fresh = "b" })
	if got := m.Get(name, "1"); got.Fresh != "a" {
		t.Error("a pass over another object of that name changed what is remembered of this one")
	}
	if got := m.Get(name, "2"); got.Asked != "" {
		t.Error("a unit that was made anew inherits from the one before")
	}
	m.Forget(name)
	if got := m.Get(name, "1"); got.Asked != "" || m.Attempt(name).Inputs != "" {
		t.Errorf("forgotten, but remembered: %+v", got)
	}
}

func TestDistrust(t *testing.T) {
	const source = "GitRepository/apps/podinfo"
	m := memory.New()
	if !m.Trusts(source) || m.Tell(source) {
		t.Error("a source is believed until it was found wrong")
	}
	m.Distrust(source)
	if m.Trusts(source) || !m.Trusts("GitRepository/apps/other") {
		t.Error("the wrong source is distrusted")
	}
	if !m.Tell(source) || m.Tell(source) {
		t.Error("it is told once")
	}
	m.Distrust(source)
	if m.Trusts(source) || m.Tell(source) {
		t.Error("found wrong again, it is not told again")
	}
}
