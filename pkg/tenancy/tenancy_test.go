package tenancy_test

import (
	"testing"

	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
)

func TestConfig(t *testing.T) {
	base := &rest.Config{Host: "https://10.0.0.1", BearerToken: "controller"}
	got, err := tenancy.Config(base, tenancy.Controller())
	if err != nil {
		t.Fatal(err)
	}
	if got.Host != base.Host || got.BearerToken != base.BearerToken {
		t.Errorf("the controller's identity reaches its own cluster, got %+v", got)
	}
	got.BearerToken = "changed"
	if base.BearerToken != "controller" {
		t.Error("the configuration is shared with the base")
	}
}

// TestConfigWithoutIdentity is the shape of R-13: an identity that nobody filled
// in must not become the controller's own.
func TestConfigWithoutIdentity(t *testing.T) {
	got, err := tenancy.Config(&rest.Config{Host: "https://10.0.0.1"}, tenancy.Identity{})
	if err == nil || got != nil {
		t.Errorf("the zero identity reaches the cluster: %v, %v", got, err)
	}
}

func TestCheckReference(t *testing.T) {
	cases := map[string]struct {
		why      string
		referred string
		locked   bool
		refused  bool
	}{
		"OwnImplied":       {"a reference without namespace stays at home", "", true, false},
		"OwnNamed":         {"naming the own namespace is no crossing", "apps", true, false},
		"OtherAllowed":     {"the default of the field allows it", "infra", false, false},
		"OtherRefused":     {"switched off, it is refused", "infra", true, true},
		"PrefixIsNotEqual": {"a namespace that begins like the own one is another", "apps-b", true, true},
		"CaseIsNotEqual":   {"names are compared as they are", "Apps", true, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := tenancy.CheckReference("spec.sourceRef", "apps", tc.referred, tc.locked)
			if !tc.refused {
				if err != nil {
					t.Errorf("%s: %v", tc.why, err)
				}
				return
			}
			if f := fault.Of(err); err == nil || f.Class != fault.ClassStalled || f.Reason != meta.ReasonAccessDenied {
				t.Errorf("%s: got %v", tc.why, err)
			}
		})
	}
}
