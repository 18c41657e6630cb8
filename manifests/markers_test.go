package manifests_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

const marker = "// +kubebuilder:rbac:"

// TestMarkersAreGranted compares what the controllers say they need, beside the code that needs it, with the role that
// all of them share, and that of their own where one has it. Those bound to cluster-admin may need more.
func TestMarkersAreGranted(t *testing.T) {
	shared := controllerRole(t).Rules
	own := map[string][]rbacv1.PolicyRule{
		"notification-controller": clusterRole(t, "notification-migration-flux-system").Rules,
	}
	admins := []string{"kustomize-controller", "helm-controller"}
	files, err := filepath.Glob("../*-controller/internal/controller/*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		controller := strings.Split(filepath.ToSlash(file), "/")[1]
		if slices.Contains(admins, controller) {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			text, found := strings.CutPrefix(strings.TrimSpace(line), marker)
			if !found {
				continue
			}
			seen++
			for _, missing := range missing(slices.Concat(shared, own[controller]), parseMarker(text)) {
				t.Errorf("%s needs %s, which no role of it grants", controller, missing)
			}
		}
	}
	if seen == 0 {
		t.Error("no controller says what it needs; the test looks in the wrong place")
	}
}

func parseMarker(text string) map[string][]string {
	fields := map[string][]string{}
	for field := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(field, "=")
		fields[key] = strings.Split(strings.ReplaceAll(value, `"`, ""), ";")
	}
	return fields
}

func missing(rules []rbacv1.PolicyRule, need map[string][]string) []string {
	covers := func(have []string, want string) bool {
		return slices.Contains(have, "*") || slices.Contains(have, want)
	}
	var all []string
	for _, group := range need["groups"] {
		for _, resource := range need["resources"] {
			for _, verb := range need["verbs"] {
				if !slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
					return covers(r.APIGroups, group) && covers(r.Resources, resource) && covers(r.Verbs, verb)
				}) {
					all = append(all, verb+" "+resource+"."+group)
				}
			}
		}
	}
	return all
}
