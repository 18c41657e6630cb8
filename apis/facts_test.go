package apis_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// factID names a property, or with an empty path a version of a kind.
type factID struct {
	kind, version, path string
}

// String returns the identity as an error message shows it.
func (id factID) String() string {
	return strings.TrimSpace(id.kind + " " + id.version + " " + id.path)
}

// walk calls visit for a schema and everything below it, with paths as the list of
// facts writes them.
func walk(path string, s *apiextensionsv1.JSONSchemaProps, required bool, visit func(string, *apiextensionsv1.JSONSchemaProps, bool)) {
	if path == "" {
		visit(".", s, required)
	} else {
		visit(path, s, required)
	}
	for name := range s.Properties {
		child := s.Properties[name]
		walk(path+"."+name, &child, slices.Contains(s.Required, name), visit)
	}
	if s.Items != nil && s.Items.Schema != nil {
		walk(path+"[]", s.Items.Schema, false, visit)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		walk(path+"{}", s.AdditionalProperties.Schema, false, visit)
	}
}

// describe returns the cells type, enum, default, pattern, bounds, required, rules
// and extensions of a property.
func describe(t *testing.T, s *apiextensionsv1.JSONSchemaProps, required bool) []string {
	t.Helper()
	var enum, rules []string
	for _, e := range s.Enum {
		enum = append(enum, string(e.Raw))
	}
	for _, r := range s.XValidations {
		rules = append(rules, r.Rule)
	}
	slices.Sort(enum)
	slices.Sort(rules)
	cells := []string{s.Type, strings.Join(enum, ","), "", s.Pattern, boundsOf(s), "optional", "", extensionsOf(s)}
	if s.Format != "" {
		cells[0] += "/" + s.Format
	}
	if s.Default != nil {
		cells[2] = string(s.Default.Raw)
	}
	if required {
		cells[5] = "required"
	}
	if len(rules) > 0 {
		cells[6] = toJSON(t, rules)
	}
	return cells
}

func boundsOf(s *apiextensionsv1.JSONSchemaProps) string {
	var out []string
	add := func(name string, v *int64) {
		if v != nil {
			out = append(out, fmt.Sprintf("%s=%d", name, *v))
		}
	}
	add("minLength", s.MinLength)
	add("maxLength", s.MaxLength)
	add("minItems", s.MinItems)
	add("maxItems", s.MaxItems)
	add("minProperties", s.MinProperties)
	add("maxProperties", s.MaxProperties)
	if s.Minimum != nil {
		out = append(out, fmt.Sprintf("minimum=%g", *s.Minimum))
	}
	if s.Maximum != nil {
		out = append(out, fmt.Sprintf("maximum=%g", *s.Maximum))
	}
	return strings.Join(out, ",")
}

func extensionsOf(s *apiextensionsv1.JSONSchemaProps) string {
	var out []string
	add := func(set bool, text string) {
		if set {
			out = append(out, text)
		}
	}
	add(s.XPreserveUnknownFields != nil && *s.XPreserveUnknownFields, "preserveUnknownFields")
	if s.XListType != nil {
		out = append(out, "listType="+*s.XListType)
	}
	add(len(s.XListMapKeys) > 0, "listMapKeys="+strings.Join(s.XListMapKeys, "+"))
	if s.XMapType != nil {
		out = append(out, "mapType="+*s.XMapType)
	}
	add(s.XIntOrString, "intOrString")
	add(s.Nullable, "nullable")
	return strings.Join(out, ",")
}

// describeVersion returns the cells group, names, scope, annotations, served,
// storage, deprecated, subresources and printer columns of a version of a kind.
func describeVersion(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition, v apiextensionsv1.CustomResourceDefinitionVersion) []string {
	t.Helper()
	annotations := map[string]string{}
	for k, value := range crd.Annotations {
		if !strings.HasPrefix(k, "controller-gen.") {
			annotations[k] = value
		}
	}
	names := crd.Spec.Names
	slices.Sort(names.Categories)
	slices.Sort(names.ShortNames)
	subresources := v.Subresources
	if subresources == nil {
		subresources = &apiextensionsv1.CustomResourceSubresources{}
	}
	var deprecated any = v.Deprecated
	if v.Deprecated && v.DeprecationWarning != nil {
		deprecated = *v.DeprecationWarning
	}
	return []string{
		crd.Spec.Group, toJSON(t, names), toJSON(t, crd.Spec.Scope), toJSON(t, annotations), toJSON(t, v.Served),
		toJSON(t, v.Storage), toJSON(t, deprecated), toJSON(t, subresources), toJSON(t, v.AdditionalPrinterColumns),
	}
}

func kindOfNames(t *testing.T, cell string) string {
	t.Helper()
	var names apiextensionsv1.CustomResourceDefinitionNames
	if err := json.Unmarshal([]byte(cell), &names); err != nil {
		t.Fatalf("reading the names %q: %v", cell, err)
	}
	return names.Kind
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
