package controller

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
)

// fieldTests names, for every field of the spec, a test that fails without it.
var fieldTests = map[string]string{
	"commonMetadata":                "TestOverlayOfTheSpec",
	"dependsOn":                     "TestDependencyIsAwaited",
	"dependsOn.readyExpr":           "TestReadyExpression",
	"decryption":                    "TestDecryption",
	"decryption.provider":           "TestDecryption",
	"decryption.secretRef":          "TestDecryption",
	"decryption.serviceAccountName": "TestWorkloadIdentityOfDecryptionNeedsItsGate",
	"interval":                      "TestTickAndRequestWithNothingToDo",
	"retryInterval":                 "TestDurations",
	"kubeConfig":                    "TestRemoteCluster",
	"path":                          "TestDurations",
	"postBuild":                     "TestVariablesFromConfigMapsAndSecrets",
	"postBuild.substitute":          "TestVariablesFromConfigMapsAndSecrets",
	"postBuild.substituteFrom":      "TestVariablesFromConfigMapsAndSecrets",
	"postBuild.substituteStrategy":  "TestSubstituteStrategy",
	"prune":                         "TestWithoutPruneObjectsAreLetGo",
	"deletionPolicy":                "TestDeletionFollowsThePolicy",
	"driftDetection":                "TestDriftIsReportedAndLeft",
	"driftDetection.mode":           "TestDriftIsIgnoredWhenDisabled",
	"healthChecks":                  "TestHealthCheckOutsideTheInventory",
	"healthChecks.apiVersion":       "TestHealthCheckOutsideTheInventory",
	"healthChecks.kind":             "TestHealthCheckOutsideTheInventory",
	"healthChecks.name":             "TestHealthCheckOutsideTheInventory",
	"healthChecks.namespace":        "TestHealthCheckOutsideTheInventory",
	"namePrefix":                    "TestOverlayOfTheSpec",
	"nameSuffix":                    "TestOverlayOfTheSpec",
	"patches":                       "TestOverlayOfTheSpec",
	"images":                        "TestOverlayOfTheSpec",
	"serviceAccountName":            "TestTenantHasTheRightsOfItsServiceAccount",
	"sourceRef":                     "TestEveryKindOfSourceIsApplied",
	"sourceRef.apiVersion":          "TestEveryKindOfSourceIsApplied",
	"sourceRef.kind":                "TestEveryKindOfSourceIsApplied",
	"sourceRef.name":                "TestEveryKindOfSourceIsApplied",
	"sourceRef.namespace":           "TestSourceInAnotherNamespace",
	"suspend":                       "TestSuspendedUnitIsLeftAlone",
	"targetNamespace":               "TestOverlayOfTheSpec",
	"timeout":                       "TestFailureNamesTheCause",
	"force":                         "TestForce",
	"wait":                          "TestWaitForWhatWasApplied",
	"components":                    "TestOverlayOfTheSpec",
	"ignoreMissingComponents":       "TestOverlayOfTheSpec",
	"buildMetadata":                 "TestOverlayOfTheSpec",
	"healthCheckExprs":              "TestHealthCheckExpressions",
	"ignore":                        "TestIgnoredFieldsAreLeft",
}

// TestEveryFieldHasATest keeps the list complete: a field without a test, or a
// test that is gone, fails.
func TestEveryFieldHasATest(t *testing.T) {
	tests := testsOf(t)
	fields := fieldsOf(reflect.TypeFor[kustomizev1.KustomizationSpec](), "")
	for _, field := range fields {
		if test := fieldTests[field]; !tests[test] {
			t.Errorf("spec.%s: test %q does not exist", field, test)
		}
	}
	for field := range fieldTests {
		if strings.Contains(field, ".") {
			continue
		}
		found := false
		for _, f := range fields {
			found = found || f == field
		}
		if !found {
			t.Errorf("spec.%s is not a field", field)
		}
	}
}

// fieldsOf lists the fields of the spec and, one level down, those of the types
// that belong to the kind alone.
func fieldsOf(typ reflect.Type, prefix string) []string {
	var names []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		names = append(names, prefix+name)
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if prefix == "" && inner.Kind() == reflect.Struct && strings.HasSuffix(inner.PkgPath(), "/kustomize/v1") {
			names = append(names, fieldsOf(inner, name+".")...)
		}
	}
	return names
}

// testsOf lists the tests of this package.
func testsOf(t *testing.T) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				tests[f.Name.Name] = true
			}
		}
	}
	return tests
}
