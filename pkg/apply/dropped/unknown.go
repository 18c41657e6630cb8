package dropped

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// maxNamed is how many fields one answer may name, maxPath how long a path may be:
	// both are as long as the source makes them, and looking for each takes its time.
	// Where there is more, the refusal stands.
	maxNamed, maxPath = 64, 1024
	// typed begins what server-side apply says about an object that does not fit the
	// schema; undeclared ends the line about a field that the schema does not have.
	typed, undeclared = "failed to create typed patch object (", ": field not declared in schema"
	// strict begins what a creation with strict validation says about such fields.
	strict = "strict decoding error: "
)

// strictField is one of them.
var strictField = regexp.MustCompile(`unknown field ("(?:[^"\\]|\\.)*")`)

// Named returns the paths of the fields that a refusal says the schema does not
// have. A server names some of them only, in any order.
func Named(refused error) []string {
	var status apierrors.APIStatus
	if !errors.As(refused, &status) {
		return nil
	}
	message := status.Status().Message
	var paths []string
	switch _, fields, isStrict := strings.Cut(message, strict); {
	case strings.HasPrefix(message, typed):
		paths = ofLines(message)
	case isStrict:
		paths = ofStrict(fields)
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return len(path) > maxPath })
	slices.Sort(paths)
	if paths = slices.Compact(paths); len(paths) > maxNamed {
		return nil
	}
	return paths
}

func ofLines(message string) (paths []string) {
	for line := range strings.Lines(message) {
		path, found := strings.CutSuffix(strings.TrimSpace(line), undeclared)
		if strings.HasPrefix(path, typed) {
			_, path, _ = strings.Cut(path, "): ")
		}
		if found && strings.HasPrefix(path, ".") {
			paths = append(paths, path)
		}
	}
	return paths
}

func ofStrict(fields string) (paths []string) {
	for _, match := range strictField.FindAllStringSubmatch(fields, maxNamed+1) {
		if path, err := strconv.Unquote(match[1]); err == nil {
			paths = append(paths, "."+path)
		}
	}
	return paths
}

// Without returns a copy of an object less the fields at the given paths, and the
// paths at which there was one.
func Without(obj *unstructured.Unstructured, paths []string) (*unstructured.Unstructured, []string) {
	less := obj.DeepCopy()
	var found []string
	for _, path := range paths {
		if remove(less.Object, path) {
			found = append(found, path)
		}
	}
	return less, found
}

// remove removes the field at a path. Names are not escaped in a path, so that the
// object decides where they end.
func remove(value any, path string) bool {
	switch v := value.(type) {
	case map[string]any:
		name, ok := strings.CutPrefix(path, ".")
		if !ok {
			return false
		}
		if _, last := v[name]; last {
			delete(v, name)
			return true
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			rest, ok := strings.CutPrefix(name, key)
			if ok && rest != "" && strings.ContainsRune(".[", rune(rest[0])) && remove(v[key], rest) {
				return true
			}
		}
	case []any:
		selector, rest, ok := cutSelector(path)
		removed := false
		for i, item := range v {
			if ok && selects(selector, i, item) && remove(item, rest) {
				removed = true
			}
		}
		return removed
	}
	return false
}

// cutSelector cuts what stands in brackets off the beginning of a path.
func cutSelector(path string) (selector, rest string, ok bool) {
	if !strings.HasPrefix(path, "[") {
		return "", "", false
	}
	end := indexOutside(path, ']')
	if end < 0 {
		return "", "", false
	}
	return path[1:end], path[end+1:], true
}

// indexOutside returns where a character first stands outside of quotes, or -1.
func indexOutside(text string, char byte) int {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case !quoted && text[i] == char:
			return i
		}
	}
	return -1
}

// selects reports that a selector, an index or the values of an item's keys, means
// an item. A key that the item leaves to its default may have any value.
func selects(selector string, index int, item any) bool {
	if n, err := strconv.Atoi(selector); err == nil {
		return n == index
	}
	fields, ok := item.(map[string]any)
	for ok && selector != "" {
		pair := selector
		if end := indexOutside(selector, ','); end >= 0 {
			pair, selector = selector[:end], selector[end+1:]
		} else {
			selector = ""
		}
		key, text, _ := strings.Cut(pair, "=")
		if value, given := fields[key]; given && written(value) != text {
			return false
		}
	}
	return ok
}

// written is a key's value as a path has it.
func written(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
