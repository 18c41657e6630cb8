package unitstate_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/delivery/unitstate"
)

func TestStore(t *testing.T) {
	name := types.NamespacedName{Namespace: "apps", Name: "podinfo"}
	s := unitstate.New[string]()
	if got := s.Peek(name); got != "" {
		t.Errorf("a unit that had no pass is remembered: %q", got)
	}
	s.Answer(name, "1", "early")
	if got, answered := s.Get(name, "1"); got != "" || answered != "" {
		t.Errorf("an answer made a unit that was not there: %q, %q", got, answered)
	}
	s.Answer(name, "1", "token") // in the middle of the pass
	s.Put(name, "1", "value")
	if got, answered := s.Get(name, "1"); got != "value" || answered != "token" || s.Peek(name) != "value" {
		t.Errorf("remembered %q, answered %q; an answer during a pass is kept", got, answered)
	}
	s.Answer(name, "2", "other")
	if _, answered := s.Get(name, "1"); answered != "token" {
		t.Error("the answer to another object of that name counts for this one")
	}
	if got, answered := s.Get(name, "2"); got != "" || answered != "" {
		t.Error("a unit that was made anew inherits from the one before")
	}
	s.Put(name, "2", "value")
	s.Forget(name)
	if got, _ := s.Get(name, "2"); got != "" {
		t.Errorf("forgotten, but remembered: %q", got)
	}
}
