package memory_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/delivery/memory"
)

func TestMemory(t *testing.T) {
	name := types.NamespacedName{Namespace: "apps", Name: "podinfo"}
	m := memory.New[string]()
	if got := m.Peek(name); got != "" {
		t.Errorf("a unit that had no pass is remembered: %q", got)
	}
	m.Answer(name, "1", "early")
	if got, answered := m.Get(name, "1"); got != "" || answered != "" {
		t.Errorf("an answer made a unit that was not there: %q, %q", got, answered)
	}
	m.Answer(name, "1", "token") // in the middle of the pass
	m.Put(name, "1", "value")
	if got, answered := m.Get(name, "1"); got != "value" || answered != "token" || m.Peek(name) != "value" {
		t.Errorf("remembered %q, answered %q; an answer during a pass is kept", got, answered)
	}
	m.Answer(name, "2", "other")
	if _, answered := m.Get(name, "1"); answered != "token" {
		t.Error("the answer to another object of that name counts for this one")
	}
	if got, answered := m.Get(name, "2"); got != "" || answered != "" {
		t.Error("a unit that was made anew inherits from the one before")
	}
	m.Put(name, "2", "value")
	m.Forget(name)
	if got, _ := m.Get(name, "2"); got != "" {
		t.Errorf("forgotten, but remembered: %q", got)
	}
}
