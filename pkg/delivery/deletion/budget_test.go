package deletion_test

import (
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/pkg/delivery/deletion"
)

func TestParseBudget(t *testing.T) {
	cases := map[string]struct {
		why   string
		texts []string
		want  string
		err   string
	}{
		"Off":           {"the flag is not set", nil, "", ""},
		"Empty":         {"an empty flag is none", []string{""}, "", ""},
		"OneText":       {"terms in one text", []string{"count=20,percent=30,protect=Namespace"}, "count=20,percent=30,protect=Namespace", ""},
		"Repeated":      {"a flag for each term reads as well", []string{"protect=Namespace", "percent=30%", "protect=PersistentVolumeClaim"}, "percent=30,protect=Namespace,protect=PersistentVolumeClaim", ""},
		"Group":         {"a kind of one group", []string{"protect=CustomResourceDefinition.apiextensions.k8s.io"}, "protect=CustomResourceDefinition.apiextensions.k8s.io", ""},
		"Spaces":        {"folded lines leave spaces", []string{" count=1, percent=2 ,"}, "count=1,percent=2", ""},
		"Zero":          {"nothing goes without consent", []string{"count=0"}, "count=0", ""},
		"Typo":          {"a typo must not leave the guard off", []string{"cout=3"}, "", `"cout" is not part of a budget; use count=N`},
		"Bare":          {"a number alone bounds what?", []string{"20"}, "", `"20" is not part of a budget`},
		"Negative":      {"less than nothing", []string{"count=-1"}, "", "not a number of objects"},
		"NotANumber":    {"words are no numbers", []string{"count=many"}, "", `"many" is not a number of objects`},
		"Share":         {"more than everything", []string{"percent=101"}, "", "not a percentage"},
		"Twice":         {"which of the two?", []string{"count=1", "count=2"}, "", "given twice"},
		"NoKind":        {"nothing to protect", []string{"protect="}, "", `"" is not a kind`},
		"Resource":      {"a resource is not a kind, and would protect nothing", []string{"protect=namespaces"}, "", "write it as manifests do"},
		"GroupFirst":    {"the other order of group and kind", []string{"protect=apps/Deployment"}, "", "is not a kind"},
		"NotAGroup":     {"no API is called so", []string{"protect=Thing.Example"}, "", `"Example" is not the group of an API`},
		"NamesTheFault": {"the message names the term", []string{"count=1,percent=x"}, "", `reading "percent=x"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := deletion.ParseBudget(tc.texts...)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("%s: got %v", tc.why, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			if got.String() != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
			if again, err := deletion.ParseBudget(got.String()); err != nil || again.String() != tc.want {
				t.Errorf("what is printed can be read: got %q, %v", again, err)
			}
		})
	}
}
