package expr_test

import (
	"context"
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/pkg/health/expr"
)

type fields = map[string]any

// long is text of the size of a large annotation.
var long = strings.Repeat("a", 256<<10)

func variables() fields {
	return fields{
		"status": fields{"phase": "done", "replicas": int64(3), "ratio": 1.5, "when": "2026-01-02T03:04:05Z"},
		"data":   fields{"password": "hunter2", "encoded": "aGk="},
		"long":   long,
	}
}

func TestHolds(t *testing.T) {
	cases := map[string]struct {
		why, text string
		want      bool
		message   string
	}{
		"Field":         {"the simplest question", "status.phase == 'done'", true, ""},
		"NotEqual":      {"its opposite", "status.phase != 'done'", false, ""},
		"CrossType":     {"an integer and a float compare", "status.replicas > 2.5 && status.replicas == 3.0", true, ""},
		"Strings":       {"the extension for strings", "status.phase.upperAscii().replace('D', 'G') == 'GONE'", true, ""},
		"Join":          {"and for lists of them", "['a', 'b'].join('-') == 'a-b'", true, ""},
		"Format":        {"and for formats", "'%s has %d'.format([status.phase, 3]) == 'done has 3'", true, ""},
		"Split":         {"text becomes a list", "'a,b'.split(',').size() == 2", true, ""},
		"Sets":          {"the extension for sets", "sets.contains(['a', 'b'], ['b'])", true, ""},
		"Encoders":      {"the extension for encodings", "string(base64.decode(data.encoded)) == 'hi'", true, ""},
		"Optional":      {"optional types", "status.?missing.orValue('none') == 'none'", true, ""},
		"In":            {"membership in a list of constants", "status.phase in ['busy', 'done']", true, ""},
		"InMap":         {"and in a map", "'phase' in status", true, ""},
		"InComputed":    {"and in a list made on the way", "3 in [1, 2].map(n, n + 1)", true, ""},
		"UTC":           {"times are read in UTC", "timestamp(status.when).getHours() == 3", true, ""},
		"Regex":         {"patterns", "status.phase.matches('^d.n.$')", true, ""},
		"Exists":        {"loops", "[1, 2, 3].exists(n, n == status.replicas)", true, ""},
		"Missing":       {"what is not there cannot be compared", "status.absent == 1", false, "no such key: absent"},
		"MissingTop":    {"nor what has no name", "spec.x == 1", false, "no such attribute(s): spec.x"},
		"NotBool":       {"the answer has to be yes or no", "status.phase", false, "the result is of type string, not bool"},
		"Overload":      {"types that do not fit", "status.phase + 1 == 2", false, "no such overload"},
		"ReplaceNumber": {"a guarded function on the wrong type", "status.replicas.replace('a', 'b') == ''", false, "no such overload"},
		"MatchesNumber": {"the same", "status.replicas.matches('a')", false, "no such overload"},
		"JoinMap":       {"the same", "status.join() == ''", false, "no such overload"},
		"Division":      {"arithmetic", "1 / (status.replicas - 3) == 1", false, "division by zero"},
		"Secret":        {"a value that cannot be converted is not quoted", "int(data.password) == 1", false, "a value in it is not of the form that a function needs"},
		"SecretKey":     {"nor is a value used as a key", "data[long] == 1", false, "no such key"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			program, err := expr.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := program.Holds(t.Context(), variables())
			if message := text(err); got != c.want || message != c.message {
				t.Errorf("%s: got %t and %q, want %t and %q", c.why, got, message, c.want, c.message)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestBombs guards against expressions that exhaust the controller: every one of these would run for hours or
// take the memory of the machine.
func TestBombs(t *testing.T) {
	doubled := func(start, step string) string { return "[" + start + "]" + strings.Repeat(step, 40) }
	thousand := "[" + strings.TrimSuffix(strings.Repeat("1,", 1000), ",") + "]"
	cases := map[string]struct{ why, text string }{
		"Loops":       {"loops in loops", thousand + ".all(a, " + thousand + ".all(b, " + thousand + ".all(c, a + b + c > 0)))"},
		"Strings":     {"text doubled forty times", doubled("'aa'", ".map(x, x + x)") + " == []"},
		"Lists":       {"a list of a million million elements, compared", doubled("[1]", ".map(x, x + x)") + ".all(x, x == x)"},
		"Shared":      {"a small value with a million million leaves, compared", doubled("[1]", ".map(x, [x, x])") + ".all(x, x == x)"},
		"SharedMap":   {"the same with maps", doubled("{'a': 1}", ".map(x, {'a': x, 'b': x})") + ".all(x, x != {})"},
		"SharedIn":    {"and searched in", doubled("[1]", ".map(x, [x, x])") + ".all(x, x in [x])"},
		"Sets":        {"everything with everything", "sets.equivalent(long.split(''), long.split(''))"},
		"Replace":     {"the square of a long text", "long.replace('a', long) == ''"},
		"ReplaceNone": {"the same without a needle", "long.replace('', long) == ''"},
		"Join":        {"a long text many times", "long.split('').map(x, long).join(long) == ''"},
		"Format":      {"the same in a format", "'%s'.format([long.split('').map(x, long)]) == ''"},
		"Digits":      {"a number with a thousand million digits", "'%.999999999f'.format([1.5]) == ''"},
		"Regex":       {"a large pattern over a long text", "long.matches('(a{0,900}b?){1}c')"},
		"Substring":   {"a long text copied again and again", "long.split('').all(x, long.substring(1) != '')"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			program, err := expr.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = program.Holds(t.Context(), variables())
			if message := text(err); message != "it costs more than an expression may" {
				t.Errorf("%s: got %q", c.why, message)
			}
		})
	}
}

func TestLargeObjectsAreNotBombs(t *testing.T) {
	var items []any
	for range 2000 {
		items = append(items, fields{"name": strings.Repeat("n", 50), "ready": true, "replicas": int64(3)})
	}
	for name, text := range map[string]string{
		"All":     "items.all(i, i.ready && i.replicas == 3 && i.name.startsWith('n'))",
		"Map":     "items.map(i, i.name).filter(n, n.matches('^n+$')).size() == 2000",
		"Compare": "items == items",
		"Sum":     "items.filter(i, i.name in ['m', 'n', 'o']).size() == 0",
	} {
		t.Run(name, func(t *testing.T) {
			program, err := expr.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if holds, err := program.Holds(t.Context(), fields{"items": items}); err != nil || !holds {
				t.Errorf("got %t and %v", holds, err)
			}
		})
	}
}

func TestHoldsEndsWithTheContext(t *testing.T) {
	program, err := expr.Parse("long.split('').all(x, x == 'a')")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := program.Holds(ctx, variables()); text(err) != "it was interrupted" {
		t.Errorf("got %v", err)
	}
}

func TestCompile(t *testing.T) {
	cases := map[string]struct{ why, text, message string }{
		"Both":       {"two objects are compared", "self.spec.x == dep.status.y", ""},
		"Macro":      {"conditions are searched", "dep.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", ""},
		"Syntax":     {"it is not CEL", "self.", "line 1, column 6: Syntax error: no viable alternative at input '.'"},
		"Undeclared": {"a name that nobody declared", "other.x == 1", "line 1, column 1: undeclared reference to 'other' (in container '')"},
		"Text":       {"text is not an answer", "'ready'", "the result is of type string, not bool"},
		"Dynamic":    {"a field may be anything", "dep.status.ready", "the result is of type dyn, not bool"},
		"Mismatch":   {"an object is not text", "dep == 'x'", "line 1, column 5: found no matching overload for '_==_' applied to '(map(string, dyn), string)'"},
		"Pattern":    {"a pattern that never matches anything", "dep.kind.matches('(')", "reading a pattern: error parsing regexp: missing closing ): `(`"},
		"Constant":   {"a constant that is no duration", "duration('soon') > duration('1s')", "converting a constant with duration"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := expr.Compile(c.text, "self", "dep")
			if got := text(err); (c.message == "") != (got == "") || !strings.HasPrefix(got, c.message) {
				t.Errorf("%s: got %q, want %q", c.why, got, c.message)
			}
		})
	}
}

func TestErrorsAreShort(t *testing.T) {
	_, err := expr.Parse(strings.Repeat("( ", 3000))
	if err == nil || len(err.Error()) > 500 || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestCache(t *testing.T) {
	cache := expr.NewCache(2)
	parse := func(text string) *expr.Program {
		program, err := cache.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return program
	}
	first, second := parse("a == 1"), parse("b == 1")
	if parse("a == 1") != first {
		t.Error("what was compiled is compiled again")
	}
	parse("c == 1")
	if parse("a == 1") != first {
		t.Error("what was used last is forgotten first")
	}
	if parse("b == 1") == second {
		t.Error("the cache grows above its limit")
	}
	if _, err := cache.Compile("a == 1", "self"); err == nil {
		t.Error("an expression that was parsed passes as compiled")
	}
	for range 2 {
		if _, err := cache.Compile("a == 1", "self"); err == nil {
			t.Error("an error is forgotten")
		}
	}
}
