package tenancy_test

import (
	"testing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
)

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
