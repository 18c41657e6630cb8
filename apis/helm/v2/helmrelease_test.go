package v2_test

import (
	"strings"
	"testing"

	helmv2 "github.com/capstan-gitops/capstan/apis/helm/v2"
)

func TestReleaseName(t *testing.T) {
	cases := map[string]struct {
		why                       string
		name, target, given, want string
	}{
		"Name":   {why: "the name of the object", name: "app", want: "app"},
		"Target": {why: "the target namespace stands before it", name: "app", target: "prod", want: "prod-app"},
		"Given":  {why: "what the spec says wins", name: "app", target: "prod", given: "mine", want: "mine"},
		"Limit":  {why: "Helm takes 53 characters", name: strings.Repeat("a", 53), want: strings.Repeat("a", 53)},
		"TooLong": {
			why: "40 characters and 12 of the hash of the whole", name: strings.Repeat("a", 54),
			want: strings.Repeat("a", 40) + "-a3f01b693925",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			hr := &helmv2.HelmRelease{}
			hr.Name, hr.Namespace = tc.name, "default"
			hr.Spec.TargetNamespace, hr.Spec.ReleaseName = tc.target, tc.given
			if got := hr.GetReleaseName(); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}
