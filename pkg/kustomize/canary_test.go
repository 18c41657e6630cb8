package kustomize

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

const plainObject = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: demo}\n"

// secretCanary is the value of Secrets. It looks different in every encoding.
const secretCanary = `c4n4ry"<hunter2>&/zÄ`

// leaked returns the encoding in which a text holds a value, empty if it holds none.
// Some characters of a value are enough.
func leaked(text, value string) string {
	encoded, _ := json.Marshal(value)
	forms := map[string]string{
		"raw": value, "JSON": strings.Trim(string(encoded), `"`), "quoted": strings.Trim(fmt.Sprintf("%q", value), `"`), "bytes": strings.Trim(fmt.Sprint([]byte(value)), "[]"),
		"base64": base64.StdEncoding.EncodeToString([]byte(value)), "base64url": base64.RawURLEncoding.EncodeToString([]byte(value)),
		"hex": hex.EncodeToString([]byte(value)), "URL": url.QueryEscape(value),
	}
	for form, encoded := range forms {
		if strings.Contains(strings.ToLower(text), strings.ToLower(encoded[:6])) {
			return form
		}
	}
	if strings.Contains(text, "hunter2") {
		return "part"
	}
	return ""
}

func secretText(name, rest string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", namespace: demo}\n" + rest
}

// TestNoValueOfASecretIsInAnError feeds every way to fail of build, decryption and
// substitution with Secrets. What is left of an error names rule, object and field.
func TestNoValueOfASecretIsInAnError(t *testing.T) {
	quoted, _ := json.Marshal(secretCanary)
	value, encoded := string(quoted), base64.StdEncoding.EncodeToString([]byte(secretCanary))
	plain := secretText("s", "stringData: {password: "+value+"}\n")
	listed := func(rest string, secret string) tree {
		return tree{"s.yaml": secret, "c.yaml": plainObject, "kustomization.yaml": "resources: [s.yaml, c.yaml]\n" + rest}
	}
	patch := func(text string) string {
		return string(contentOf(t, kust("patches", []any{kust("patch", text, "target", kust("kind", "Secret"))})))
	}
	generator := func(fields ...any) tree {
		return tree{"kustomization.yaml": kust("secretGenerator", []any{kust(append([]any{"name", "s"}, fields...)...)}), "e.env": "password=" + secretCanary + "\n", "bad.env": "password=" + secretCanary + "\xff\n", "s.bin": secretCanary}
	}
	for name, c := range map[string]struct {
		why   string
		files tree
		want  string // where the words are ours
	}{
		"SameIdentity":  {"objects that get one identity are printed whole", tree{"a.yaml": plain, "b.yaml": strings.ReplaceAll(plain, ", namespace: demo", ""), "kustomization.yaml": "resources: [a.yaml, b.yaml]\nnamespace: demo\n"}, ""},
		"GeneratedTwin": {"also a generated one, encoded", tree{"a.yaml": secretText("g", "data: {password: "+encoded+"}\n"), "kustomization.yaml": kust("namespace", "demo", "resources", []string{"a.yaml"}, "secretGenerator", []any{kust("name", "g", "literals", []string{"password=" + secretCanary}, "options", kust("disableNameSuffixHash", true))})}, ""},
		"Twice":         {"an object that is there twice", tree{"a.yaml": plain, "b.yaml": plain}, "merging resources from 'b.yaml': may not add resource with an already registered id: Secret.v1.[noGrp]/s.demo"},
		"InAList":       {"an object of a list", tree{"a.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, stringData: {password: " + value + "}}\n"}, ""},
		"NoName":        {"an object without a name is printed", tree{"a.yaml": "apiVersion: v1\nkind: Secret\nstringData: {password: " + value + "}\n"}, ""},
		"Syntax":        {"a parser quotes", tree{"a.yaml": plain + "x: [hunter2\n"}, ""},
		"Anchor":        {"a password that begins with an asterisk", tree{"a.yaml": secretText("s", "stringData: {password: *hunter2}\n")}, ""},
		"Tag":           {"a value of the wrong type", tree{"a.yaml": secretText("s", "stringData: {password: !!int "+value+"}\n")}, ""},
		"Key":           {"a value in the place of a key", tree{"a.yaml": secretText("s", "stringData: {? ["+value+"] : x}\n")}, ""},
		"NotANumber":    {"a value without a form in JSON", tree{"a.yaml": secretText("s", "stringData: {password: "+value+", n: .nan}\n")}, "it holds a number that JSON has no form for"},
		"Labels":        {"a value in the place of labels", listed("labels: [{pairs: {a: b}}]\n", "apiVersion: v1\nkind: Secret\nmetadata: {name: s, labels: "+value+"}\n"), ""},
		"LabelField":    {"a label that goes into a value", listed("labels: [{pairs: {a: b}, fields: [{path: stringData/password, create: true}]}]\n", plain), "considering field 'stringData/password' of object Secret.v1.[noGrp]/s.demo"},
		"PatchKind":     {"a patch with the wrong kind of node", listed(patch("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: ["+value+"]\n"), plain), "wrong node kind"},
		"PatchSyntax":   {"a patch that is none", listed(patch("password: "+value+"\n"), plain), "unable to parse SM or JSON patch"},
		"PatchTarget":   {"a patch for an object that is not there", listed(string(contentOf(t, kust("patches", []any{kust("patch", strings.ReplaceAll(plain, "name: s", "name: other"))}))), plain), "no matches for Id Secret.v1.[noGrp]/other.demo"},
		"PatchFile": {"a file with a patch", func() tree {
			f := listed("patches: [{path: p.yaml}]\n", plain)
			f["p.yaml"] = "password: " + value
			return f
		}(), ""},
		"JSONPatch":        {"a test quotes what it wants", listed(patch(string(contentOf(t, []any{kust("op", "test", "path", "/stringData/password", "value", secretCanary+"x")}))), plain), "testing value /stringData/password failed"},
		"JSONPatchPath":    {"a path that is not there", listed(patch(string(contentOf(t, []any{kust("op", "replace", "path", "/stringData/a/b", "value", secretCanary)}))), plain), "doc is missing path: /stringData/a/b"},
		"JSONPatchRemove":  {"a key that is not there", listed(patch(string(contentOf(t, []any{kust("op", "remove", "path", "/stringData/a")}))), plain), "error in remove for path: '/stringData/a'"},
		"JSONPatchOp":      {"an operation that is none", listed(patch(string(contentOf(t, []any{kust("op", secretCanary, "path", "/stringData/a")}))), plain), ""},
		"InlinePatch":      {"a patch in a deprecated field, which the library takes for a path", listed(string(contentOf(t, kust("patchesStrategicMerge", []string{"{password: " + value}))), plain), ""},
		"Replacement":      {"a source that does not split", listed("replacements: [{source: {kind: Secret, name: s, fieldPath: stringData.password, options: {delimiter: '-', index: 7}}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.x]}]}]\n", plain), "options.index 7 is out of bounds"},
		"ReplacementField": {"a field that is not there", listed("replacements: [{source: {kind: Secret, name: s, fieldPath: stringData.nope}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.x]}]}]\n", plain), ""},
		"ReplacementInto":  {"a place that is not there", listed("replacements: [{source: {kind: Secret, name: s, fieldPath: stringData.password}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.x.y]}]}]\n", plain), `unable to find field "data.x.y" in replacement target`},
		"Literal":          {"a literal without a key", generator("literals", []string{secretCanary}), ""},
		"LiteralTwice":     {"a literal that is there twice", generator("literals", []string{"a=" + secretCanary, "a=" + secretCanary}), ""},
		"LiteralsText":     {"a literal in the place of the list", generator("literals", secretCanary), ""},
		"LiteralAsFile":    {"a literal in the list of files", generator("envs", []string{"password=" + secretCanary}), "an entry of secretGenerator"},
		"Dotenv":           {"a line that is no text is printed as numbers", generator("envs", []string{"bad.env"}), "has invalid utf8 bytes"},
		"DotenvMissing":    {"a file that is not there", generator("envs", []string{"gone.env"}), "open gone.env: file does not exist"},
		"Binary":           {"one key from two files", generator("files", []string{"s.bin", "s.bin"}), ""},
		"Generators":       {"two generators of one name are printed with their address", tree{"kustomization.yaml": kust("secretGenerator", []any{kust("name", "s", "literals", []string{"a=" + secretCanary}), kust("name", "s", "literals", []string{"b=" + secretCanary})})}, ""},
		"GeneratorMerge":   {"nothing to merge with", generator("behavior", "merge", "literals", []string{"a=" + secretCanary}), ""},
		"Transformer":      {"a transformer is printed whole", listed("transformers: [t.yaml]\n", plain).with("t.yaml", object("builtin", "PatchTransformer", "p", "patch", secretCanary)), "plugin PatchTransformer.builtin.[noGrp]/p.[noNs] fails configuration"},
		"BrokenPlugin":     {"a transformer in place that cannot be read is taken for a path", listed(string(contentOf(t, kust("transformers", []string{"apiVersion: builtin\nkind: [\npatch: " + secretCanary + " https://x.example/"}))), plain), "an entry of transformers"},
		"Component":        {"errors of components are quoted", tree{"kustomization.yaml": "components: [c]\n", "c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamespace: demo\nresources: [a.yaml, b.yaml]\n", "c/a.yaml": plain, "c/b.yaml": strings.ReplaceAll(plain, ", namespace: demo", "")}, "ID conflict"},
		"Separator":        {"what stands behind a separator", tree{"a.yaml": plain + "--- {password: " + value + "}\n" + plain}, ""},
		"Kustomization":    {"a kustomization file that is not YAML", tree{"kustomization.yaml": "secretGenerator: [{name: s, literals: [a=hunter2}\n"}, ""},
		"Namespace":        {"a number is printed by the decoder", tree{"kustomization.yaml": "namespace: 12345678\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: c.files.fs(t)})
			if err == nil {
				t.Fatalf("%s: the build does not fail", c.why)
			}
			text := err.Error()
			if form := leaked(text, secretCanary); form != "" || strings.Contains(text, "12345678") {
				t.Errorf("%s: the error holds the value (%s): %s", c.why, form, text)
			}
			if !strings.Contains(text, c.want) {
				t.Errorf("%s: want %q, got %q", c.why, c.want, text)
			}
		})
	}
}

func (f tree) with(name string, value any) tree {
	f[name] = value
	return f
}

// TestNoValueIsInAnErrorAfterTheBuild does the same for what is done with built
// objects.
func TestNoValueIsInAnErrorAfterTheBuild(t *testing.T) {
	files := tree{"s.yaml": object("v1", "Secret", "s", "stringData", kust("password", "${password}", "odd", "ENC"))}
	decrypted := func(obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		return obj, unstructured.SetNestedField(obj.Object, secretCanary, "stringData", "odd")
	}
	variables := func(value string) *substitute.Variables {
		return &substitute.Variables{Values: map[string]string{"password": value}, Sensitive: map[string]bool{"password": true}}
	}
	for name, c := range map[string]struct {
		why, want string
		req       Request
	}{
		"Unquoted": {"what is put in does not fit into YAML", "replacing variables in Secret/s: the result is not valid YAML", Request{Substitution: variables(`"a": ` + secretCanary + `: [`)}},
		"NoObject": {"what comes out is no object", "replacing variables in Secret/s", Request{Substitution: variables("x\"\nkind: 5 #" + secretCanary)}},
		"Strict":   {"another variable is missing", `variable not set (strict mode): "password"`, Request{DecryptObject: decrypted, Substitution: &substitute.Variables{Values: map[string]string{"other": secretCanary}, Strict: true}}},
		"TooLarge": {"what was decrypted is too large", "Secret/s has", Request{DecryptObject: decrypted, Limits: Limits{ObjectBytes: 5}}},
		"Decrypter": {"the hook's own words are its own", "decrypting Secret/s: no key fits", Request{DecryptObject: func(*unstructured.Unstructured) (*unstructured.Unstructured, error) {
			return nil, errors.New("no key fits")
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.req.FS = files.fs(t)
			_, err := NewBuilder(Options{}).Build(t.Context(), c.req)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%s: want %q, got %v", c.why, c.want, err)
			}
			if form := leaked(err.Error(), secretCanary); form != "" {
				t.Errorf("%s: the error holds the value (%s): %v", c.why, form, err)
			}
		})
	}
}
