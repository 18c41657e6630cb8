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
			p, err := (&Variables{Values: values, Strict: true}).Compile()
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.Expand(c.in)
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
	p, err := (&Variables{Values: map[string]string{"a": big, "b": big}, Strict: true}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	for why, text := range map[string]string{
		"replacing every letter by a megabyte": "${a//a/${b}}",
		"matching a megabyte with globs":       "${a##*b*b*b}",
		"five megabytes":                       "${a}${a}${a}${a}${a}",
	} {
		if _, err := p.Expand(text); err == nil || strings.Contains(err.Error(), "aaa") {
			t.Errorf("%s: want a refusal without the value, got %v", why, err)
		}
	}
}

// optOut is the key by which objects opt out in these tests.
const optOut = "example.org/substitute"

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
		"Label":        {"opted out", &Variables{Values: with("a", "5"), OptOut: optOut}, obj("${a}", "labels", optOut, "disabled"), "${a}", ""},
		"Annotation":   {"opted out", &Variables{Values: with("a", "5"), OptOut: optOut}, obj("${a}", "annotations", optOut, "disabled"), "${a}", ""},
		"Nobody":       {"no key was named", &Variables{Values: with("a", "5")}, obj("${a}", "labels", optOut, "disabled"), int64(5), ""},
		"WrongCase":    {"exact", &Variables{Values: with("a", "5"), OptOut: optOut}, obj("${a}", "labels", optOut, "Disabled"), int64(5), ""},
		"NotYAML":      {"the value is not shown", &Variables{Values: with("a", "hunter2: [")}, obj("${a}"), nil, "the result is not valid YAML"},
		"Missing":      {"names the object", &Variables{Values: with("a", "hunter2"), Strict: true}, obj("${b}"), nil, `replacing variables in ConfigMap/x: variable not set (strict mode): "b"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := c.v.Compile()
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.Apply(c.in)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "hunter2") {
					t.Fatalf("%s: want %q, got %v", c.why, c.err, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, out.Object.Object["data"].(map[string]any)["k"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

func TestVariableNames(t *testing.T) {
	good := &Variables{Values: map[string]string{"a": "", "_B9": ""}}
	if _, err := good.Compile(); err != nil {
		t.Error(err)
	}
	bad := &Variables{Values: map[string]string{"9a": "hunter2", "a-b": "", "": "", "ok": ""}}
	_, err := bad.Compile()
	if err == nil || !strings.Contains(err.Error(), `"", "9a", "a-b"`) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("want the names, got %v", err)
	}
}

func TestSensitiveVariablesMarkTheirObjects(t *testing.T) {
	v := &Variables{
		Values:    map[string]string{"password": "hunter2", "region": "eu", "name": "x"},
		Sensitive: map[string]bool{"password": true, "absent": true}, Strict: true,
	}
	p, err := v.Compile()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		why, text string
		want      bool
	}{
		"Used":        {"its value is in the object", "${password}", true},
		"OnlyLength":  {"even its length says something", "${#password}", true},
		"AsDefault":   {"a default is evaluated", "${region:-${password}}", true},
		"WithDefault": {"a value that is set is used", "${password:-x}", true},
		"Other":       {"another variable", "${region}", false},
		"NotSet":      {"a name without a value", "${absent:-x}", false},
		"Escaped":     {"is not evaluated", "$${password}", false},
		"None":        {"no expression", "$password", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := p.Apply(&unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "x"}, "data": map[string]any{"k": c.text}}})
			if err != nil || out.Sensitive != c.want {
				t.Errorf("%s: want %t, got %t, %v", c.why, c.want, out.Sensitive, err)
			}
			if out.Changed != (strings.Contains(c.text, "${") || strings.Contains(c.text, "$$")) {
				t.Errorf("%s: changed is %t", c.why, out.Changed)
			}
		})
	}
}

func TestAllMissingVariablesAreNamedInOrder(t *testing.T) {
	p, err := (&Variables{Values: map[string]string{"set": "hunter2"}, Strict: true}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Expand("${zeta} ${alpha^^} ${set} ${opt:-${inner}} ${alpha} ${m/a/${deep}}")
	const want = `variable not set (strict mode): "alpha", "deep", "inner", "m", "zeta"`
	if err == nil || err.Error() != want {
		t.Errorf("want %s, got %v", want, err)
	}
	var many strings.Builder
	for i := range 25 {
		many.WriteString("${v" + string(rune('a'+i)) + "}")
	}
	if _, err := p.Expand(many.String()); err == nil || !strings.HasSuffix(err.Error(), `"vj" and 15 more`) {
		t.Errorf("want ten names and a number, got %v", err)
	}
}

// TestSurveyAgreesWithTheLanguage holds what we say is missing against what the
// language itself says.
func TestSurveyAgreesWithTheLanguage(t *testing.T) {
	p, err := (&Variables{Values: map[string]string{"a": "x", "e": ""}, Strict: true}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, operator := range []string{"", ",", ",,", "^", "^^", ":1", ":1:2", "#x", "##x", "%x", "%%x", "/x/y", "//x/y", "/#x/y", "/%x/y", ":-d", ":=d", "=d", ":+d", ":?d", ":-${m}"} {
		for _, name := range []string{"a", "e", "m"} {
			text := "${" + name + operator + "}"
			tree, err := parseText(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			_, err = p.evaluate(text)
			if missing := len(p.survey(tree.Root).missing) > 0; missing != (err != nil) {
				t.Errorf("%s: we say missing is %t, the language says %v", text, missing, err)
			}
		}
	}
}

func TestWordsOfOtherLanguagesSurvive(t *testing.T) {
	// Text that looks like expressions, as CRDs and scripts have it.
	p, err := (&Variables{Values: map[string]string{"a": "1"}, Strict: true}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	for why, c := range map[string][2]string{
		"a pattern":             {`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`, `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`},
		"a pattern with groups": {`^(\d{1,3}\.){3}\d{1,3}$|^$`, `^(\d{1,3}\.){3}\d{1,3}$|^$`},
		"a reference":           {`{"$ref": "#/definitions/x"}`, `{"$ref": "#/definitions/x"}`},
		"a shell":               {`echo $HOME $1 $(date) $?`, `echo $HOME $1 $(date) $?`},
		"an escape":             {`$${a} costs $$5`, `${a} costs $5`},
		"two escapes":           {`$$$${a}`, `$${a}`},
		"an escaped expression": {`$$${a}`, `$1`},
		"a number in text":      {`v${a}.${a}`, `v1.1`},
	} {
		if got, err := p.Expand(c[0]); err != nil || got != c[1] {
			t.Errorf("%s: want %q, got %q, %v", why, c[1], got, err)
		}
	}
}
