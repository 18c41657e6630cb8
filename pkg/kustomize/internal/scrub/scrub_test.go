package scrub

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"testing"
)

// TestText says what remains of the library's texts: the rule, names and paths.
func TestText(t *testing.T) {
	cases := map[string]struct{ why, in, want string }{
		"Path":     {"where the tree lies is nobody's business", "reading /tree/a.yaml in /tree", "reading a.yaml in ."},
		"Config":   {"a configuration between back-ticks", "trouble configuring with config: `\na: hunter2\n`", "trouble configuring with config: ***"},
		"Open":     {"a quotation that does not end", "cannot unmarshal !!str `hunter2", "cannot unmarshal !!str ***"},
		"Object":   {"an object as YAML behind a phrase", "empty item at [] in object kind: Secret hunter2", "empty item at [] in object ***"},
		"Lines":    {"one line", "line\n  two", "line two"},
		"Value":    {"a value that is known", "value hidden-by-us", "value ***"},
		"YAML":     {"an object as YAML on lines of its own", "cannot merge\nkind: Secret\ndata:\n  a: hunter2\n- x\nfor a reason", "cannot merge for a reason"},
		"JSON":     {"objects as JSON become their names", `ID conflict: [{"data":{"P":"aHVudGVyMg=="},"kind":"Secret","metadata":{"name":"db","namespace":"demo"}} {"kind":"Secret","metadata":{"name":"db"}}]`, "ID conflict: [Secret/demo/db Secret/db]"},
		"Identity": {"an identity in Go's own form", `id resid.ResId{Gvk:resid.Gvk{Group:"", Version:"v1", Kind:"ConfigMap", isClusterScoped:false}, Name:"x", Namespace:""} exists`, "id ConfigMap/x exists"},
		"Struct":   {"a structure says nothing that is safe", `merging from generator &{Literals:[a=hunter2] x:{y}}: failed`, "merging from generator ***: failed"},
		"Pointer":  {"an address differs each time", "merging from generator &{0x311e40c7cee0 <nil>} at 0xc000123456 (0xc000123456)", "merging from generator *** at"},
		"Group":    {"the library's own brackets stay", "no matches for Id Secret.v1.[noGrp]/x.[noNs]; found [2]", "no matches for Id Secret.v1.[noGrp]/x.[noNs]; found [2]"},
		"Files":    {"nor names of files", "env source files: [db.env conf/a.yaml]", "env source files: [db.env conf/a.yaml]"},
		"List":     {"other brackets do not", "conflicting values [hunter2 hunter3]", "conflicting values [***]"},
		"Map":      {"a map as Go prints it", "cannot convert map[password:hunter2 user:x]", "cannot convert map[***]"},
		"Quotes":   {"a brace in a text is no end", `bad {"a":"}hunter2","b":1} here`, "bad *** here"},
		"Unclosed": {"a structure that was cut off", `bad {"a":"hunter2`, "bad ***"},
		"Deep":     {"looked into to a depth", "x " + strings.Repeat("[", 4000) + "hunter2", "x [***]"},
	}
	secrets := &Secrets{}
	secrets.AddFile([]byte("key=hidden-by-us\n"))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Text(errors.New(c.in), "/tree", secrets); got != c.want {
				t.Errorf("%s:\ngot  %q\nwant %q", c.why, got, c.want)
			}
		})
	}
	if got := Text(errors.New(strings.Repeat("ä", 5000)), "/tree", nil); len(got) > maxDetail+8 {
		t.Errorf("the text has %d bytes", len(got))
	}
}

// TestMask masks what is secret in every form in which it may be written, and nothing
// else.
func TestMask(t *testing.T) {
	const canary = "correct-horse/42+\"x\""
	encoded := base64.StdEncoding.EncodeToString([]byte(canary))
	cases := map[string]struct {
		why, file string
		whole     bool
	}{
		"DotEnv":      {"a file of a generator, or one that was decrypted", "PASSWORD=" + canary + "\n", true},
		"Properties":  {"the same with a colon", "password: " + canary + "\n", true},
		"Binary":      {"a file that is the value", canary, true},
		"Data":        {"a Secret", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {a: " + encoded + "}\n", false},
		"StringData":  {"a Secret in clear", "kind: Secret\nmetadata: {name: db}\nstringData: {a: '" + canary + "'}\n", false},
		"Second":      {"one of several documents", "kind: ConfigMap\nmetadata: {name: a}\n---\nkind: Secret\nstringData: {a: '" + canary + "'}\n", false},
		"List":        {"one in a list", "kind: List\nitems:\n- kind: Secret\n  stringData: {a: '" + canary + "'}\n", false},
		"Generator":   {"a literal of a secret generator", "secretGenerator:\n- name: db\n  literals: ['a=" + canary + "']\n", false},
		"Patch":       {"a Secret in a patch in a kustomization", "patches:\n- patch: |\n    kind: Secret\n    stringData: {a: '" + canary + "'}\n", false},
		"Broken":      {"a document that cannot be read", "kind: Secret\nstringData:\n  a: " + canary + "\n b: [\n", false},
		"BlockScalar": {"a value of several lines", "kind: Secret\nstringData:\n  a: |\n    first line\n    x=" + canary + "\n", false},
		"Decrypted":   {"a decrypted object of another kind", "kind: Custom\nmetadata: {name: db}\nspec: {a: '" + canary + "'}\n", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &Secrets{}
			if c.whole {
				s.AddFile([]byte(c.file))
			} else {
				s.AddManifests([]byte(c.file))
			}
			for form, value := range map[string]string{
				"plain": canary, "base64": encoded, "hex": hex.EncodeToString([]byte(canary)), "URL": url.QueryEscape(canary), "JSON": `correct-horse/42+\"x\"`,
			} {
				text := "the value " + value + " of kind Secret, apiVersion v1, name db is refused"
				got := s.Mask(text)
				if strings.Contains(got, value) || strings.Contains(got, "horse") {
					t.Errorf("%s: %s is shown: %s", c.why, form, got)
				}
				if !strings.Contains(got, "of kind Secret, apiVersion v1, name db is refused") {
					t.Errorf("%s: what is no secret is masked: %s", c.why, got)
				}
			}
		})
	}
}

// TestMaskWithoutBound shows nothing where there is more to be kept than is looked
// through.
func TestMaskWithoutBound(t *testing.T) {
	s := &Secrets{}
	s.AddFile([]byte(strings.Repeat("x", maxSecrets+1)))
	if got := s.Mask("canary"); strings.Contains(got, "canary") {
		t.Errorf("got %s", got)
	}
}
