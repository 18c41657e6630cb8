// Package substitute replaces ${…} expressions in the text of built objects.
//
// It is a pure function of an object and a set of variables, bounded in what it
// may cost, and its errors name variables, never values.
package substitute

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/identity"
)

// Disabled is the value by which an object opts out of substitution. It is compared
// exactly.
const Disabled = "disabled"

var variableName = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

// Variables are what ${…} expressions in built objects stand for. A nil Variables
// replaces nothing.
type Variables struct {
	// Values are the variables. Newlines in a value are removed.
	Values map[string]string
	// Sensitive names the variables whose values are secret: an object that
	// refers to one is sensitive as a whole.
	Sensitive map[string]bool
	// OptOut is the label or annotation with which an object opts out of substitution,
	// by the value Disabled; empty when none can.
	OptOut string
	// Strict makes a reference to a variable that is not set an error, unless
	// the expression has a default.
	Strict bool
	// Always runs the replacement even if there are no variables.
	Always bool
}

// Program is a set of variables made ready to be applied to many objects. A nil
// Program replaces nothing.
type Program struct {
	values    map[string]string
	sensitive map[string]bool
	optOut    string
	strict    bool
	digest    string
}

// Compile checks the names of the variables and makes a Program of them, nil if
// there is nothing to do. Its error names the bad names, never a value.
func (v *Variables) Compile() (*Program, error) {
	if v == nil {
		return nil, nil
	}
	var bad []string
	for name := range v.Values {
		if !variableName.MatchString(name) {
			bad = append(bad, clip(name))
		}
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return nil, fmt.Errorf("variable names %s are not valid: a name is letters, digits and underscores, and begins with no digit", quoted(bad))
	}
	if len(v.Values) == 0 && !v.Always {
		return nil, nil
	}
	p := &Program{values: make(map[string]string, len(v.Values)), sensitive: v.Sensitive, optOut: v.OptOut, strict: v.Strict}
	for name, value := range v.Values {
		p.values[name] = strings.ReplaceAll(value, "\n", "")
	}
	p.digest = p.sum()
	return p, nil
}

// sum digests everything that decides what an expression gives.
func (p *Program) sum() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		_, _ = fmt.Fprintf(h, "%s=%d:%s\n", name, len(p.values[name]), p.values[name])
	}
	for _, name := range slices.Sorted(maps.Keys(p.sensitive)) {
		_, _ = fmt.Fprintf(h, "%s is sensitive: %t\n", name, p.sensitive[name])
	}
	_, _ = fmt.Fprintf(h, "strict %t, opt-out %s\n", p.strict, p.optOut)
	return hex.EncodeToString(h.Sum(nil))
}

// Result is an object after replacement.
type Result struct {
	Object *unstructured.Unstructured
	// Sensitive says that the object refers to a sensitive variable.
	Sensitive bool
	// Changed says that the object had expressions: it depends on the variables.
	Changed bool
}

// Digest distinguishes these variables from others. It is made from values and is for
// memory only. A nil Program has none.
func (p *Program) Digest() string {
	if p == nil {
		return ""
	}
	return p.digest
}

// Apply returns obj with its expressions replaced. The replacement works on the
// text of the object, so that a value may become a number or a map; what comes
// out must be an object again. An object that opts out, or has no expression, is
// returned as it is.
func (p *Program) Apply(obj *unstructured.Unstructured) (Result, error) {
	if p == nil || p.optsOut(obj) || !mentions(obj.Object) {
		return Result{Object: obj}, nil
	}
	text, err := yaml.Marshal(obj.Object)
	if err != nil {
		return Result{}, fmt.Errorf("writing %s as text: its content cannot be written as YAML", nameOf(obj))
	}
	replaced, sensitive, err := p.expand(string(text))
	if err != nil {
		return Result{}, fmt.Errorf("replacing variables in %s: %w", nameOf(obj), err)
	}
	out, err := reread(replaced, obj.Object)
	if err != nil {
		return Result{}, fmt.Errorf("replacing variables in %s: %w", nameOf(obj), err)
	}
	return Result{Object: out, Sensitive: sensitive, Changed: true}, nil
}

// Expand replaces the expressions in a text. Its errors name variables, never
// values.
func (p *Program) Expand(text string) (string, error) {
	if p == nil {
		return text, nil
	}
	out, _, err := p.expand(text)
	return out, err
}

func (p *Program) expand(text string) (out string, sensitive bool, err error) {
	tree, err := parseText(text)
	if err != nil {
		return "", false, err
	}
	used := p.survey(tree.Root)
	if err := used.affordable(); err != nil {
		return "", false, err
	}
	if len(used.missing) > 0 && p.strict {
		return "", false, fmt.Errorf("variable not set (strict mode): %s", quoted(slices.Sorted(maps.Keys(used.missing))))
	}
	out, err = p.evaluate(text)
	return out, used.sensitive, err
}

// evaluate runs the expression language, which slices without looking where a
// number in an expression is absurd.
func (p *Program) evaluate(text string) (out string, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("an expression has a position or length out of range")
		}
	}()
	return envsubst.Eval(text, func(name string) (string, bool) {
		value, ok := p.values[name]
		return value, ok || !p.strict
	})
}

// reread parses the text again. The parser's message would quote the line it
// stumbled over, and that line may hold a secret.
func reread(text string, before map[string]any) (*unstructured.Unstructured, error) {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, errors.New("the result is not valid YAML")
	}
	var content map[string]any
	if err := json.Unmarshal(data, &content); err != nil {
		return nil, errors.New("the result is not an object with apiVersion, kind and metadata.name")
	}
	if f := identity.Check(content); f != nil {
		return nil, fmt.Errorf("the result is not an object with apiVersion, kind and metadata.name: %w", f.Among(before))
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(data); err != nil {
		return nil, errors.New("the result is not a Kubernetes object")
	}
	return obj, nil
}

func (p *Program) optsOut(obj *unstructured.Unstructured) bool {
	return p.optOut != "" && (obj.GetLabels()[p.optOut] == Disabled || obj.GetAnnotations()[p.optOut] == Disabled)
}

// mentions reports whether a value has anything to replace, keys included. A
// single "$" that no brace follows stays what it is.
func mentions(value any) bool {
	switch v := value.(type) {
	case string:
		return strings.Contains(v, "${") || strings.Contains(v, "$$")
	case []any:
		return slices.ContainsFunc(v, mentions)
	case map[string]any:
		for key, inner := range v {
			if mentions(key) || mentions(inner) {
				return true
			}
		}
	}
	return false
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
