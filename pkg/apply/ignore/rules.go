package ignore

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Rules are ignore rules, ready for use. The zero value ignores nothing.
type Rules struct {
	rules []rule
	kept  []string
}

type rule struct {
	target *selector
	paths  []pointer
}

// Compile reads rules. The keys of labels named as kept are never ignored, also
// when their parent is: they say whose an object is. An error names the rule by
// its index, and the field.
func Compile(rules []meta.IgnoreRule, kept ...string) (Rules, error) {
	compiled := Rules{kept: kept}
	for i, r := range rules {
		if len(r.Paths) == 0 {
			return Rules{}, fmt.Errorf("ignore[%d].paths: there is no path", i)
		}
		t, err := compileSelector(r.Target)
		if err != nil {
			return Rules{}, fmt.Errorf("ignore[%d].target.%w", i, err)
		}
		out := rule{target: t}
		for j, text := range r.Paths {
			p, err := parse(text, kept)
			if err != nil {
				return Rules{}, fmt.Errorf("ignore[%d].paths[%d]: %q %w", i, j, text, err)
			}
			out.paths = append(out.paths, p)
		}
		compiled.rules = append(compiled.rules, out)
	}
	return compiled, nil
}

// For returns what is ignored of an object.
func (r Rules) For(obj *unstructured.Unstructured) Paths {
	var found Paths
	for _, one := range r.rules {
		if !one.target.matches(obj) {
			continue
		}
		for _, p := range one.paths {
			if !slices.ContainsFunc(found.pointers, func(q pointer) bool { return slices.Equal(p, q) }) {
				found.pointers = append(found.pointers, p)
			}
		}
	}
	if len(found.pointers) > 0 {
		found.kept = r.kept
	}
	return found
}

// Paths are what is ignored of one object. The zero value is nothing.
type Paths struct {
	pointers []pointer
	kept     []string
}

// Empty reports that nothing is ignored.
func (p Paths) Empty() bool { return len(p.pointers) == 0 }

// pointer is a JSON pointer, taken apart.
type pointer []string

// parse reads a JSON pointer, and refuses one to what makes an object the one it
// is.
func parse(text string, kept []string) (pointer, error) {
	if !strings.HasPrefix(text, "/") {
		return nil, errors.New(`is no JSON pointer to a field: it has to begin with "/"`)
	}
	parts := strings.Split(text[1:], "/")
	for i, part := range parts {
		for rest := part; ; {
			_, after, found := strings.Cut(rest, "~")
			if !found {
				break
			}
			if !strings.HasPrefix(after, "0") && !strings.HasPrefix(after, "1") {
				return nil, errors.New(`is no JSON pointer: "~" is written "~0", and "/" in a name "~1"`)
			}
			rest = after
		}
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	if reserved(parts, kept) {
		return nil, errors.New("cannot be ignored: it says which object it is, or whose")
	}
	return parts, nil
}

// reserved reports a path to a field that has to be what it is. All labels may be
// ignored together: those that are kept stay.
func reserved(parts pointer, kept []string) bool {
	switch {
	case len(parts) == 1:
		return slices.Contains([]string{"", "apiVersion", "kind", "metadata"}, parts[0])
	case parts[0] != "metadata":
		return false
	case parts[1] == "labels" || parts[1] == "annotations":
		return len(parts) == 3 && parts[1] == "labels" && slices.Contains(kept, parts[2])
	}
	return slices.Contains([]string{
		"", "name", "namespace", "uid", "generateName", "resourceVersion", "generation", "managedFields", "selfLink",
		"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
	}, parts[1])
}

// selector picks objects.
type selector struct {
	group, version, kind, namespace, name *regexp.Regexp
	labels, annotations                   labels.Selector
}

func compileSelector(s *meta.Selector) (*selector, error) {
	if s == nil {
		return nil, nil
	}
	t := &selector{}
	for _, f := range []struct {
		name, text string
		into       **regexp.Regexp
	}{
		{"group", s.Group, &t.group}, {"version", s.Version, &t.version}, {"kind", s.Kind, &t.kind},
		{"namespace", s.Namespace, &t.namespace}, {"name", s.Name, &t.name},
	} {
		if f.text == "" {
			continue
		}
		compiled, err := regexp.Compile("^(?:" + f.text + ")$")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		*f.into = compiled
	}
	for _, f := range []struct {
		name, text string
		into       *labels.Selector
	}{
		{"labelSelector", s.LabelSelector, &t.labels}, {"annotationSelector", s.AnnotationSelector, &t.annotations},
	} {
		if f.text == "" {
			continue
		}
		compiled, err := labels.Parse(f.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		*f.into = compiled
	}
	return t, nil
}

func (t *selector) matches(obj *unstructured.Unstructured) bool {
	if t == nil {
		return true
	}
	gvk := obj.GroupVersionKind()
	matches := func(pattern *regexp.Regexp, text string) bool { return pattern == nil || pattern.MatchString(text) }
	if !matches(t.group, gvk.Group) || !matches(t.version, gvk.Version) || !matches(t.kind, gvk.Kind) ||
		!matches(t.namespace, obj.GetNamespace()) || !matches(t.name, obj.GetName()) {
		return false
	}
	return (t.labels == nil || t.labels.Matches(labels.Set(obj.GetLabels()))) &&
		(t.annotations == nil || t.annotations.Matches(labels.Set(obj.GetAnnotations())))
}
