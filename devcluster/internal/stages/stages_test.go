package stages_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/devcluster/internal/stages"
)

type stage struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Options map[string]any `json:"options"`
	Spec    struct {
		ResourceRef struct {
			APIGroup string `json:"apiGroup"`
			Kind     string `json:"kind"`
		} `json:"resourceRef"`
		Selector struct {
			MatchExpressions []struct {
				JQ struct {
					Key      string   `json:"key"`
					Operator string   `json:"operator"`
					Values   []string `json:"values"`
				} `json:"jq"`
			} `json:"matchExpressions"`
		} `json:"selector"`
		Delay struct {
			DurationMilliseconds int `json:"durationMilliseconds"`
		} `json:"delay"`
		Steps []struct {
			Delete bool `json:"delete"`
			Patch  struct {
				Subresource string `json:"subresource"`
				Root        string `json:"root"`
				Template    string `json:"template"`
			} `json:"patch"`
		} `json:"steps"`
	} `json:"spec"`
}

func load(t *testing.T) map[string]stage {
	t.Helper()
	config, err := stages.Config()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]stage{}
	for _, document := range bytes.Split(config, []byte("---\n"))[1:] {
		var s stage
		if err := yaml.UnmarshalStrict(document, &s); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		all[s.Metadata.Name] = s
	}
	return all
}

func TestStagesAreComplete(t *testing.T) {
	all := load(t)
	if all["devcluster"].Kind != "KwokConfiguration" {
		t.Error("kwok's own configuration is missing")
	}
	delete(all, "devcluster")
	kinds := map[string]int{}
	for name, s := range all {
		kinds[s.Spec.ResourceRef.Kind]++
		if s.APIVersion != "kwok.x-k8s.io/v1alpha1" || s.Kind != "Stage" || s.Spec.ResourceRef.APIGroup != "v1" {
			t.Errorf("%s is not a stage of a core object", name)
		}
		if len(s.Spec.Steps) != 1 || len(s.Spec.Selector.MatchExpressions) == 0 {
			t.Errorf("%s must select something and do one thing", name)
		}
		checkSelector(t, name, s)
		step := s.Spec.Steps[0]
		if step.Delete == (step.Patch.Template != "") {
			t.Errorf("%s must either delete or patch", name)
		}
		if !step.Delete && (step.Patch.Subresource != "status" || step.Patch.Root != "status") {
			t.Errorf("%s may write the status only", name)
		}
	}
	if kinds["Node"] == 0 || kinds["Pod"] < 4 {
		t.Errorf("stages by kind: %v", kinds)
	}
}

func checkSelector(t *testing.T, name string, s stage) {
	t.Helper()
	for _, expression := range s.Spec.Selector.MatchExpressions {
		takesValues := map[string]bool{"In": true, "NotIn": true, "Exists": false, "DoesNotExist": false}
		takes, known := takesValues[expression.JQ.Operator]
		if !known || takes != (len(expression.JQ.Values) > 0) || expression.JQ.Key == "" {
			t.Errorf("%s: selector %+v is not valid", name, expression.JQ)
		}
	}
}

func TestOnlyDeletionTouchesPodsThatGo(t *testing.T) {
	for name, s := range load(t) {
		if s.Spec.ResourceRef.Kind != "Pod" {
			continue
		}
		want := "DoesNotExist"
		if s.Spec.Steps[0].Delete {
			want = "Exists"
		}
		first := s.Spec.Selector.MatchExpressions[0].JQ
		if first.Key != ".metadata.deletionTimestamp" || first.Operator != want {
			t.Errorf("%s must begin by checking the deletion timestamp", name)
		}
	}
}

func TestReadyWithoutDelay(t *testing.T) {
	for _, name := range []string{"node-ready", "pod-start"} {
		if delay := load(t)[name].Spec.Delay.DurationMilliseconds; delay != 0 {
			t.Errorf("%s waits %d ms; tests would wait for it", name, delay)
		}
	}
}

func TestTagsAreThoseOfTheTemplates(t *testing.T) {
	all := load(t)
	text := all["pod-start"].Spec.Steps[0].Patch.Template
	for _, tag := range []string{stages.TagBadPull, stages.TagCrash, stages.TagNeverReady, stages.TagFail} {
		if !strings.Contains(text, `eq $tag "`+tag+`"`) {
			t.Errorf("nothing acts on tag %s", tag)
		}
	}
	for _, match := range regexp.MustCompile(`eq \$tag "([^"]+)"`).FindAllStringSubmatch(text, -1) {
		switch match[1] {
		case stages.TagBadPull, stages.TagCrash, stages.TagNeverReady, stages.TagFail:
		default:
			t.Errorf("the template acts on tag %s, which is not documented", match[1])
		}
	}
}
