package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// The columns of the two sorts of line. Lists and values are JSON, so that no cell
// holds a tab or a line break.
var (
	kindColumns = []string{
		"kind", "group", "version", "names", "scope", "annotations", "served", "storage", "deprecated", "subresources", "columns",
	}
	propertyColumns = []string{
		"property", "kind", "version", "path", "type", "enum", "default", "pattern", "bounds", "required", "rules", "extensions",
	}
)

// factsOf returns a line for every version of the kind and one for every property.
func factsOf(crd *apiextensionsv1.CustomResourceDefinition) ([]string, error) {
	var lines []string
	for _, v := range crd.Spec.Versions {
		line, err := kindLine(crd, v)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
		if v.Schema == nil || v.Schema.OpenAPIV3Schema == nil {
			return nil, fmt.Errorf("version %s has no schema", v.Name)
		}
		props := walker{kind: crd.Spec.Names.Kind, version: v.Name}
		if err := props.walk("", v.Schema.OpenAPIV3Schema, false); err != nil {
			return nil, err
		}
		lines = append(lines, props.lines...)
	}
	return lines, nil
}

func kindLine(crd *apiextensionsv1.CustomResourceDefinition, v apiextensionsv1.CustomResourceDefinitionVersion) (string, error) {
	annotations := map[string]string{}
	for k, val := range crd.Annotations {
		if !strings.HasPrefix(k, "controller-gen.") {
			annotations[k] = val
		}
	}
	names := crd.Spec.Names
	slices.Sort(names.Categories)
	slices.Sort(names.ShortNames)
	subresources := v.Subresources
	if subresources == nil {
		subresources = &apiextensionsv1.CustomResourceSubresources{}
	}
	cells := []string{"kind", crd.Spec.Group, v.Name}
	for _, value := range []any{
		names, string(crd.Spec.Scope), annotations, v.Served, v.Storage, deprecation(v), subresources, v.AdditionalPrinterColumns,
	} {
		cell, err := json.Marshal(value)
		if err != nil {
			return "", err
		}
		cells = append(cells, string(cell))
	}
	return strings.Join(cells, "\t"), nil
}

// deprecation returns the warning that a deprecated version answers with, or false.
func deprecation(v apiextensionsv1.CustomResourceDefinitionVersion) any {
	if v.Deprecated && v.DeprecationWarning != nil {
		return *v.DeprecationWarning
	}
	return v.Deprecated
}

// walker collects the lines of the properties of one version of a kind.
type walker struct {
	kind, version string
	lines         []string
}

func (w *walker) walk(path string, s *apiextensionsv1.JSONSchemaProps, required bool) error {
	line, err := w.line(path, s, required)
	if err != nil {
		return err
	}
	w.lines = append(w.lines, line)
	for name := range s.Properties {
		child := s.Properties[name]
		if err := w.walk(path+"."+name, &child, slices.Contains(s.Required, name)); err != nil {
			return err
		}
	}
	if s.Items != nil && s.Items.Schema != nil {
		if err := w.walk(path+"[]", s.Items.Schema, false); err != nil {
			return err
		}
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		return w.walk(path+"{}", s.AdditionalProperties.Schema, false)
	}
	return nil
}

func (w *walker) line(path string, s *apiextensionsv1.JSONSchemaProps, required bool) (string, error) {
	if path == "" {
		path = "."
	}
	enum := make([]string, 0, len(s.Enum))
	for _, e := range s.Enum {
		enum = append(enum, string(e.Raw))
	}
	slices.Sort(enum)
	rules := make([]string, 0, len(s.XValidations))
	for _, r := range s.XValidations {
		rules = append(rules, r.Rule)
	}
	slices.Sort(rules)
	rulesJSON, err := marshalList(rules)
	if err != nil {
		return "", err
	}
	def := ""
	if s.Default != nil {
		def = string(s.Default.Raw)
	}
	typ := s.Type
	if s.Format != "" {
		typ += "/" + s.Format
	}
	need := "optional"
	if required {
		need = "required"
	}
	return strings.Join([]string{
		"property", w.kind, w.version, path, typ, strings.Join(enum, ","), def, s.Pattern, bounds(s), need, rulesJSON, extensions(s),
	}, "\t"), nil
}

func marshalList(list []string) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	b, err := json.Marshal(list)
	return string(b), err
}

func bounds(s *apiextensionsv1.JSONSchemaProps) string {
	var out []string
	for _, b := range []struct {
		name  string
		value *int64
	}{
		{"minLength", s.MinLength},
		{"maxLength", s.MaxLength},
		{"minItems", s.MinItems},
		{"maxItems", s.MaxItems},
		{"minProperties", s.MinProperties},
		{"maxProperties", s.MaxProperties},
	} {
		if b.value != nil {
			out = append(out, fmt.Sprintf("%s=%d", b.name, *b.value))
		}
	}
	if s.Minimum != nil {
		out = append(out, fmt.Sprintf("minimum=%g", *s.Minimum))
	}
	if s.Maximum != nil {
		out = append(out, fmt.Sprintf("maximum=%g", *s.Maximum))
	}
	return strings.Join(out, ",")
}

func extensions(s *apiextensionsv1.JSONSchemaProps) string {
	var out []string
	if s.XPreserveUnknownFields != nil && *s.XPreserveUnknownFields {
		out = append(out, "preserveUnknownFields")
	}
	if s.XListType != nil {
		out = append(out, "listType="+*s.XListType)
	}
	if len(s.XListMapKeys) > 0 {
		out = append(out, "listMapKeys="+strings.Join(s.XListMapKeys, "+"))
	}
	if s.XMapType != nil {
		out = append(out, "mapType="+*s.XMapType)
	}
	if s.XIntOrString {
		out = append(out, "intOrString")
	}
	if s.Nullable {
		out = append(out, "nullable")
	}
	return strings.Join(out, ",")
}
