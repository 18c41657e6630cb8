package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// page describes one version of a kind.
func page(crd *apiextensionsv1.CustomResourceDefinition, version apiextensionsv1.CustomResourceDefinitionVersion) string {
	var b strings.Builder
	b.WriteString(header)
	fmt.Fprintf(&b, "# %s\n\n`%s/%s`, %s", crd.Spec.Names.Kind, crd.Spec.Group, version.Name, strings.ToLower(string(crd.Spec.Scope)))
	if names := crd.Spec.Names.ShortNames; len(names) > 0 {
		fmt.Fprintf(&b, ", short name `%s`", strings.Join(names, "`, `"))
	}
	b.WriteString("\n\n")
	if version.Deprecated {
		b.WriteString("This version is deprecated.\n\n")
	}
	schema := version.Schema.OpenAPIV3Schema
	if schema.Description != "" {
		b.WriteString(oneLine(schema.Description) + "\n\n")
	}
	for _, part := range []string{"spec", "status"} {
		if properties, ok := schema.Properties[part]; ok {
			fmt.Fprintf(&b, "## %s\n\n| Field | Type | Meaning |\n|---|---|---|\n", part)
			fields(&b, part, &properties)
			b.WriteString("\n")
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// fields writes a row for every property, depth first.
func fields(b *strings.Builder, prefix string, schema *apiextensionsv1.JSONSchemaProps) {
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		p := schema.Properties[name]
		path := prefix + "." + name
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", path, kindOf(&p), meaning(&p, slices.Contains(schema.Required, name)))
		switch {
		case p.Items != nil && p.Items.Schema != nil:
			fields(b, path+"[]", p.Items.Schema)
		case p.AdditionalProperties != nil && p.AdditionalProperties.Schema != nil:
			fields(b, path+".*", p.AdditionalProperties.Schema)
		default:
			fields(b, path, &p)
		}
	}
}

func kindOf(p *apiextensionsv1.JSONSchemaProps) string {
	switch {
	case p.Items != nil && p.Items.Schema != nil:
		return "list of " + kindOf(p.Items.Schema)
	case p.AdditionalProperties != nil && p.AdditionalProperties.Schema != nil:
		return "map of " + kindOf(p.AdditionalProperties.Schema)
	case p.XIntOrString:
		return "integer or string"
	case p.Type == "":
		return "any"
	}
	return p.Type
}

// meaning puts the description first and what the API server checks behind it.
func meaning(p *apiextensionsv1.JSONSchemaProps, required bool) string {
	var notes []string
	if required {
		notes = append(notes, "Required.")
	}
	if p.Default != nil {
		notes = append(notes, "Default `"+string(p.Default.Raw)+"`.")
	}
	if len(p.Enum) > 0 {
		var values []string
		for _, v := range p.Enum {
			values = append(values, "`"+strings.Trim(string(v.Raw), `"`)+"`")
		}
		notes = append(notes, "One of "+strings.Join(values, ", ")+".")
	}
	if p.Pattern != "" {
		notes = append(notes, "Matches `"+p.Pattern+"`.")
	}
	for _, bound := range []struct {
		words string
		value *int64
	}{{"At least %d characters.", p.MinLength}, {"At most %d characters.", p.MaxLength}, {"At least %d items.", p.MinItems}, {"At most %d items.", p.MaxItems}} {
		if bound.value != nil {
			notes = append(notes, fmt.Sprintf(bound.words, *bound.value))
		}
	}
	for _, rule := range p.XValidations {
		if rule.Message != "" {
			notes = append(notes, "Rule: "+rule.Message+".")
		}
	}
	text := strings.Join(append([]string{oneLine(p.Description)}, notes...), " ")
	return strings.ReplaceAll(strings.TrimSpace(text), "|", `\|`)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
