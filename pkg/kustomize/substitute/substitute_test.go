package substitute

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestExpand(t *testing.T) {
	values := map[string]string{"v": "Hello", "w": "world", "e": "", "n": "a\nb", "p": "a/b/c.tar.gz", "price": "$5"}
	cases := map[string]struct{ why, in, out, err string }{
		"Plain":           {"a value", "${v}", "Hello", ""},
		"Bare":            {"only braces count", "$v $(v)", "$v $(v)", ""},
		"Escape":          {"two dollars make one", "$${v} $$", "${v} $", ""},
		"Length":          {"bytes", "${#v}", "5", ""},
		"LowerFirst":      {"case", "${v,} ${v,,} ${w^} ${w^^}", "hello hello World WORLD", ""},
		"Substring":       {"position and length", "${v:1} ${v:1:3} ${v:9} ${v:3:99}", "ello ell  lo", ""},
		"BadNumber":       {"gives the value", "${v: -3} ${v:x}", "Hello Hello", ""},
		"HugeNumber":      {"does not crash", "${v:1:9223372036854775807}", "", "out of range"},
		"Prefix":          {"glob", "${p#*/} ${p##*/}", "b/c.tar.gz c.tar.gz", ""},
		"Suffix":          {"glob", "${p%.*} ${p%%.*}", "a/b/c.tar a/b/c", ""},
		"Replace":         {"literal", "${p/\\//-} ${p//\\//-} ${v/#He/J} ${v/%lo/p} ${v/l/}", "a-b/c.tar.gz a-b-c.tar.gz Jllo Help Helo", ""},
		"Default":         {"unset or empty", "${x:-d} ${x:=d} ${x=d} ${e:-d}", "d d d d", ""},
		"OddDefaults":     {"the other operators are the same", "${x:+d} ${x:?d}", "d d", ""},
		"Nested":          {"within an argument", "${x:=${w}} ${x:=pre${w}-post}", "world preworld-post", ""},
		"NoColon":         {"not supported", "${x-d}", "", "missing closing brace"},
		"Newlines":        {"are removed", "${n}", "ab", ""},
		"NoSecondRound":   {"a value is not expanded", "${price}", "$5", ""},
		"Missing":         {"all are named", "${x} ${y^} ${x}", "", `variable not set (strict mode): "x", "y"`},
		"Empty":           {"empty is set", "[${e}]", "[]", ""},
		"Unclosed":        {"an error", "${v", "", "missing closing brace"},
		"Deep":            {"bounded", strings.Repeat("${a:=", 5000) + strings.Repeat("}", 5000), "", "nested more than"},
		"ManyDollars":     {"bounded", strings.Repeat("$$", 20_000), "", "more than 20000 expressions"},
		"RegexLikeIsFine": {"a pattern is a glob", "${v#(a+)+$}", "Hello", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := &Variables{Values: values, Strict: true}
			out, err := v.Expand(c.in)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%s: want %q, got %q, %v", c.why, c.err, out, err)
				}
				return
			}
			if err != nil || out != c.out {
				t.Errorf("%s: want %q, got %q, %v", c.why, c.out, out, err)
			}
		})
	}
}

func TestExpandIsAffordable(t *testing.T) {
	big := strings.Repeat("a", 1<<20)
	v := &Variables{Values: map[string]string{"a": big, "b": big}, Strict: true}
	for why, text := range map[string]string{
		"replacing every letter by a megabyte": "${a//a/${b}}",
		"matching a megabyte with globs":       "${a##*b*b*b}",
		"five megabytes":                       "${a}${a}${a}${a}${a}",
	} {
		if _, err := v.Expand(text); err == nil || strings.Contains(err.Error(), "aaa") {
			t.Errorf("%s: want a refusal without the value, got %v", why, err)
		}
	}
}

func TestApply(t *testing.T) {
	obj := func(value any, more ...string) *unstructured.Unstructured {
		m := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "x"}, "data": map[string]any{"k": value}}
		if len(more) == 3 {
			m["metadata"].(map[string]any)[more[0]] = map[string]any{more[1]: more[2]}
		}
		return &unstructured.Unstructured{Object: m}
	}
	with := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	cases := map[string]struct {
		why  string
		v    *Variables
		in   *unstructured.Unstructured
		want any
		err  string
	}{
		"Nil":          {"no postBuild", nil, obj("${a}"), "${a}", ""},
		"NoVariables":  {"the default strategy", &Variables{Strict: true}, obj("${a}"), "${a}", ""},
		"Always":       {"the other strategy", &Variables{Always: true}, obj("$$ ${a}x"), "$ x", ""},
		"AlwaysStrict": {"the other strategy, strict", &Variables{Always: true, Strict: true}, obj("${a}"), nil, `"a"`},
		"Number":       {"types may change", &Variables{Values: with("a", "5")}, obj("${a}"), int64(5), ""},
		"Boolean":      {"types may change", &Variables{Values: with("a", "true")}, obj("${a}"), true, ""},
		"Quoted":       {"text stays text", &Variables{Values: with("a", "5")}, obj(`"${a}"`), `"5"`, ""},
		"Label":        {"opted out", &Variables{Values: with("a", "5")}, obj("${a}", "labels", Key, "disabled"), "${a}", ""},
		"Annotation":   {"opted out", &Variables{Values: with("a", "5")}, obj("${a}", "annotations", Key, "disabled"), "${a}", ""},
		"WrongCase":    {"exact", &Variables{Values: with("a", "5")}, obj("${a}", "labels", Key, "Disabled"), int64(5), ""},
		"NotYAML":      {"the value is not shown", &Variables{Values: with("a", "hunter2: [")}, obj("${a}"), nil, "the result is not valid YAML"},
		"Missing":      {"names the object", &Variables{Values: with("a", "hunter2"), Strict: true}, obj("${b}"), nil, `replacing variables in ConfigMap/x: variable not set (strict mode): "b"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := c.v.Apply(c.in)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "hunter2") {
					t.Fatalf("%s: want %q, got %v", c.why, c.err, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, out.Object["data"].(map[string]any)["k"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

func TestVariableNames(t *testing.T) {
	good := &Variables{Values: map[string]string{"a": "", "_B9": ""}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	bad := &Variables{Values: map[string]string{"9a": "hunter2", "a-b": "", "": "", "ok": ""}}
	err := bad.Validate()
	if err == nil || !strings.Contains(err.Error(), `"", "9a", "a-b"`) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("want the names, got %v", err)
	}
}
