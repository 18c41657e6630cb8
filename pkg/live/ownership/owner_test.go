package ownership_test

import (
	"testing"

	"github.com/capstan-gitops/capstan/pkg/live/ownership"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

func TestNew(t *testing.T) {
	for name, tc := range map[string]struct {
		why    string
		change func(*ownership.Names)
	}{
		"Manager":        {"fields would belong to whoever the client says it is", func(n *ownership.Names) { n.Manager = "" }},
		"NameLabel":      {"objects of all controllers would be watched", func(n *ownership.Names) { n.NameLabel = "" }},
		"NamespaceLabel": {"units of one name would share their objects", func(n *ownership.Names) { n.NamespaceLabel = "" }},
		"PolicyPrefix":   {"any annotation named prune would count", func(n *ownership.Names) { n.PolicyPrefix = "" }},
		"Slash":          {"a prefix that is joined without a slash is another key", func(n *ownership.Names) { n.PolicyPrefix = "example.org" }},
	} {
		wrong := testowner.Names()
		tc.change(&wrong)
		if _, err := ownership.New(wrong); err == nil {
			t.Errorf("%s: %s: got no error", name, tc.why)
		}
	}
	if got := testowner.New(t).Names(); got != testowner.Names() {
		t.Errorf("got %+v", got)
	}
}
