package normal

import (
	"fmt"
	"regexp"
	"strconv"
)

// maxName bounds what an error quotes of a name that the source chose.
const maxName = 64

// plainName is a name that needs no quotes in a path.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// step is one step of a path.
func step(name string) string {
	if len(name) > maxName {
		name = name[:maxName] + "…"
	}
	if plainName.MatchString(name) {
		return "." + name
	}
	return "[" + strconv.Quote(name) + "]"
}

// fieldError says what is expected at a path and what kind of value is there. The
// value itself may be secret.
func fieldError(path, expected string, value any) error {
	found := kindOf(value)
	if found == expected {
		return fmt.Errorf("%s: %s is expected, it is another one", path, expected)
	}
	return fmt.Errorf("%s: %s is expected, it is %s", path, expected, found)
}

func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case int64, float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return "something else"
}
