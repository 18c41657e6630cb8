package apis_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const crdFolder = "../manifests/crds"

// TestContractIsKept holds every line of the contract against our definitions.
func TestContractIsKept(t *testing.T) {
	ours := ownFacts(t)
	for id, want := range contractFacts(t) {
		got, ok := ours[id]
		if !ok {
			t.Errorf("%s is in the contract and missing from our definitions", id)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs from the contract (-contract +ours):\n%s", id, diff)
		}
	}
}

// TestAdditionsAreListed finds what the contract does not have and nobody gave a
// reason for, and reasons for what is not there.
func TestAdditionsAreListed(t *testing.T) {
	contract := contractFacts(t)
	additions := readRows(t, "testdata/additions.tsv", 4)
	used := map[string]bool{}
	for id := range ownFacts(t) {
		if _, ok := contract[id]; ok {
			continue
		}
		switch whole := (factID{id.kind, id.version, "*"}); {
		case additions[id] != nil:
			used[id.String()] = true
		case additions[whole] != nil:
			used[whole.String()] = true
		default:
			t.Errorf("%s is not in the contract; if it is meant, give the reason in testdata/additions.tsv", id)
		}
	}
	for id, cells := range additions {
		if !used[id.String()] {
			t.Errorf("testdata/additions.tsv lists %s, which our definitions do not add", id)
		}
		if strings.TrimSpace(cells[3]) == "" {
			t.Errorf("testdata/additions.tsv gives no reason for %s", id)
		}
	}
}

// TestEveryKindIsDefined counts, so that an emptied list of facts cannot pass.
func TestEveryKindIsDefined(t *testing.T) {
	contract, kinds := contractFacts(t), map[string]bool{}
	for id := range contract {
		kinds[id.kind] = true
	}
	if len(kinds) != 15 || len(contract) < 1000 {
		t.Errorf("the contract has %d kinds and %d facts, want 15 and more than 1000", len(kinds), len(contract))
	}
}

// TestRulesHaveMessages makes sure that no rule answers with its own CEL text.
func TestRulesHaveMessages(t *testing.T) {
	for _, crd := range loadCRDs(t) {
		for _, v := range crd.Spec.Versions {
			walk("", v.Schema.OpenAPIV3Schema, false, func(path string, s *apiextensionsv1.JSONSchemaProps, _ bool) {
				for _, rule := range s.XValidations {
					if rule.Message == "" {
						t.Errorf("%s %s: rule %q has no message", crd.Name, path, rule.Rule)
					}
				}
			})
		}
	}
}

// contractFacts reads the list of facts; a version of a kind is filed under the
// empty path.
func contractFacts(t *testing.T) map[factID][]string {
	t.Helper()
	facts := map[factID][]string{}
	for _, cells := range readLines(t, "testdata/contract.tsv") {
		switch cells[0] {
		case "property":
			facts[factID{cells[1], cells[2], cells[3]}] = cells[4:]
		case "kind":
			facts[factID{kindOfNames(t, cells[3]), cells[2], ""}] = append(cells[1:2:2], cells[3:]...)
		default:
			t.Fatalf("testdata/contract.tsv has a line of unknown sort %q", cells[0])
		}
	}
	return facts
}

// ownFacts lists the same of our definitions.
func ownFacts(t *testing.T) map[factID][]string {
	t.Helper()
	facts := map[factID][]string{}
	for _, crd := range loadCRDs(t) {
		for _, v := range crd.Spec.Versions {
			kind := crd.Spec.Names.Kind
			facts[factID{kind, v.Name, ""}] = describeVersion(t, crd, v)
			walk("", v.Schema.OpenAPIV3Schema, false, func(path string, s *apiextensionsv1.JSONSchemaProps, required bool) {
				facts[factID{kind, v.Name, path}] = describe(t, s, required)
			})
		}
	}
	return facts
}

func loadCRDs(t *testing.T) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	// The generator names its files <group>_<plural>.yaml; others do not define kinds.
	files, err := filepath.Glob(filepath.Join(crdFolder, "*_*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("listing %s: %d files, error %v", crdFolder, len(files), err)
	}
	var crds []*apiextensionsv1.CustomResourceDefinition
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(data, crd); err != nil {
			t.Fatalf("reading %s: %v", file, err)
		}
		crds = append(crds, crd)
	}
	return crds
}

// readRows reads a file whose first three columns are kind, version and path.
func readRows(t *testing.T, file string, columns int) map[factID][]string {
	t.Helper()
	rows := map[factID][]string{}
	for _, cells := range readLines(t, file) {
		if len(cells) != columns {
			t.Fatalf("%s: line %q has %d columns, want %d", file, cells, len(cells), columns)
		}
		rows[factID{cells[0], cells[1], cells[2]}] = cells
	}
	return rows
}

func readLines(t *testing.T, file string) [][]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.Split(line, "\t"))
		}
	}
	return lines
}
