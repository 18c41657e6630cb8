package address

import (
	"maps"
	"slices"
	"strings"
)

// loaderFields are the fields, in lower case, through which a built-in plug-in of
// the library loads files.
func loaderFields() []string {
	return []string{"path", "paths", "files", "envs", "env", "targetfilepath"}
}

// Loaded returns the first remote address in the fields of a plug-in's configuration
// through which it loads files. The library matches field names without regard to
// case.
func Loaded(value any) (entry string, found bool) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if slices.Contains(loaderFields(), strings.ToLower(key)) {
				if entry, found = firstRemote(v[key]); found {
					return entry, true
				}
			}
			if entry, found = Loaded(v[key]); found {
				return entry, true
			}
		}
	case []any:
		for _, inner := range v {
			if entry, found = Loaded(inner); found {
				return entry, true
			}
		}
	}
	return "", false
}

func firstRemote(value any) (entry string, found bool) {
	switch v := value.(type) {
	case string:
		// An entry may carry a key before an equals sign.
		for _, part := range append(strings.Split(v, "="), v) {
			if IsRemote(part) {
				return part, true
			}
		}
	case []any:
		for _, inner := range v {
			if entry, found = firstRemote(inner); found {
				return entry, true
			}
		}
	}
	return "", false
}
