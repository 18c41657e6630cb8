// Package substitute replaces ${…} expressions in the text of built objects.
//
// It is a pure function of an object and a set of variables, bounded in what it
// may cost, and its errors name variables, never values.
package substitute

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	// Key is the label or annotation with which an object opts out of
	// substitution, by the value Disabled.
	Key = "kustomize.toolkit.fluxcd.io/substitute"
	// Disabled is compared exactly.
	Disabled = "disabled"

	maxMissingNames = 10
)

var variableName = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

// missingName is how the expression language reports a variable that is not set.
var missingName = regexp.MustCompile(`variable not set \(strict mode\): "([^"]*)"`)

// Variables replaces ${…} expressions in built objects. A nil Variables replaces
// nothing.
type Variables struct {
	// Values are the variables. Newlines in a value are removed.
	Values map[string]string
	// Strict makes a reference to a variable that is not set an error, unless
	// the expression has a default.
	Strict bool
	// Always runs the replacement even if there are no variables.
	Always bool
}

// Validate checks the names of the variables. It never tells a value.
func (v *Variables) Validate() error {
	if v == nil {
		return nil
	}
	var bad []string
	for name := range v.Values {
		if !variableName.MatchString(name) {
			bad = append(bad, clip(name))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return fmt.Errorf("variable names %s are not valid: a name is letters, digits and underscores, and begins with no digit", quoted(bad))
}

// Apply returns obj with its expressions replaced. The replacement works on the
// text of the object, so that a value may become a number or a map; what comes
// out must be an object again. An object that opts out, or has no "$", is
// returned as it is.
func (v *Variables) Apply(obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if v == nil || (len(v.Values) == 0 && !v.Always) || optsOut(obj) || !mentions(obj.Object) {
		return obj, nil
	}
	text, err := yaml.Marshal(obj.Object)
	if err != nil {
		return nil, fmt.Errorf("writing %s as text: %w", nameOf(obj), err)
	}
	replaced, err := v.Expand(string(text))
	if err != nil {
		return nil, fmt.Errorf("replacing variables in %s: %w", nameOf(obj), err)
	}
	out, err := reread(replaced)
	if err != nil {
		return nil, fmt.Errorf("replacing variables in %s: %w", nameOf(obj), err)
	}
	return out, nil
}

// Expand replaces the expressions in a text. Its errors name variables, never
// values.
func (v *Variables) Expand(text string) (out string, err error) {
	values := make(map[string]string, len(v.Values))
	for name, value := range v.Values {
		values[name] = strings.ReplaceAll(value, "\n", "")
	}
	if err := affordable(text, values); err != nil {
		return "", err
	}
	var missing []string
	for {
		out, err = v.evaluate(text, values)
		match := missingName.FindStringSubmatch(errorText(err))
		if match == nil || len(missing) == maxMissingNames {
			break
		}
		// One at a time is reported; the user gets to see all of them.
		missing = append(missing, match[1])
		values[match[1]] = ""
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("variable not set (strict mode): %s", quoted(missing))
	}
	return out, err
}

// evaluate runs the expression language, which slices without looking where a
// number in an expression is absurd.
func (v *Variables) evaluate(text string, values map[string]string) (out string, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("an expression has a position or length out of range")
		}
	}()
	return envsubst.Eval(text, func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok || !v.Strict
	})
}

// reread parses the text again. The parser's message would quote the line it
// stumbled over, and that line may hold a secret.
func reread(text string) (*unstructured.Unstructured, error) {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, errors.New("the result is not valid YAML")
	}
	var kind struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &kind); err != nil || kind.APIVersion == "" || kind.Kind == "" || kind.Metadata.Name == "" {
		return nil, errors.New("the result is not an object with apiVersion, kind and metadata.name")
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(data); err != nil {
		return nil, errors.New("the result is not a Kubernetes object")
	}
	return obj, nil
}

func optsOut(obj *unstructured.Unstructured) bool {
	return obj.GetLabels()[Key] == Disabled ||
		obj.GetAnnotations()[Key] == Disabled
}

// mentions reports whether a value has a "$" anywhere, keys included.
func mentions(value any) bool {
	switch v := value.(type) {
	case string:
		return strings.Contains(v, "$")
	case []any:
		return slices.ContainsFunc(v, mentions)
	case map[string]any:
		for key, inner := range v {
			if strings.Contains(key, "$") || mentions(inner) {
				return true
			}
		}
	}
	return false
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func quoted(names []string) string {
	const most = 10
	rest := ""
	if len(names) > most {
		rest = fmt.Sprintf(" and %d more", len(names)-most)
		names = names[:most]
	}
	return `"` + strings.Join(names, `", "`) + `"` + rest
}

func clip(name string) string {
	const most = 256
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

func nameOf(obj *unstructured.Unstructured) string {
	if ns := obj.GetNamespace(); ns != "" {
		return obj.GetKind() + "/" + ns + "/" + obj.GetName()
	}
	return obj.GetKind() + "/" + obj.GetName()
}
