package sops

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/sops/fakekms"
	"github.com/capstan-gitops/capstan/pkg/sops/keys"
)

// plains is a document in every format.
var plains = map[format]struct{ file, text string }{
	formatYAML:   {"a.yaml", "# about " + canary + "\npassword: " + canary + "\nport: 5432\nratio: 0.5\nenabled: true\nempty: \"\"\nlist:\n    - " + canary + "\n    - x: 1\nopen_unencrypted: here\n---\nsecond: " + canary + "\n"},
	formatJSON:   {"a.json", "{\n\t\"password\": \"" + canary + "\",\n\t\"port\": 5432,\n\t\"big\": 9007199254740993,\n\t\"nested\": {\n\t\t\"a\": [\n\t\t\ttrue,\n\t\t\tnull,\n\t\t\t\"<\\u0026>\"\n\t\t]\n\t}\n}\n"},
	formatDotenv: {"a.env", "#about\nPASSWORD=" + canary + "\nEMPTY=\nMULTI=a\\nb\n"},
	formatINI:    {"a.ini", "[one]\npassword = " + canary + "\n\n[two]\nx = 1\n"},
	formatBinary: {"a.bin", "any \x01 bytes " + canary + "\n\n"},
}

// exemptKey is the policy that the controller chooses.
const exemptKey = "kustomize.toolkit.fluxcd.io/decrypt"

func TestEveryFormatForEveryKey(t *testing.T) {
	service := newService(t)
	for who, h := range map[string]holder{"Age": newAge(t), "AgeHybrid": newHybrid(t), "PGP": newPGP(t)} {
		for f, plain := range plains {
			t.Run(who+"/"+string(f), func(t *testing.T) {
				d := service.For(Unit{Keys: keysOf(t, newAge(t), h)})
				got, err := d.File(t.Context(), "dir/"+plain.file, encrypt(t, f, plain.text, nil, h))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(normal(plain.text), normal(string(got))); diff != "" {
					t.Errorf("decrypted (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// normal drops what the INI store aligns and the JSON store escapes.
func normal(text string) string {
	return strings.NewReplacer("password = ", "password=", "x = ", "x=", "password=", "password=", "<\\u0026>", "\\u003c\\u0026\\u003e").Replace(strings.TrimSpace(text))
}

// TestAgreesWithTheLibrary compares our walk and our JSON with those of SOPS for every
// rule of what is encrypted.
func TestAgreesWithTheLibrary(t *testing.T) {
	text := "# top\na: 1\n# sops:enc\nsecret_x: s\n# plain\nb:\n    # inner\n    data: v\n    list:\n        # sops:enc\n        - one\n        - two\n    c_unencrypted: z # sops:enc\nlast: w\n"
	rules := map[string]func(*sops.Metadata){
		"Default":         func(*sops.Metadata) {},
		"EncryptedSuffix": func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedSuffix = "", "_x" },
		"EncryptedRegex":  func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedRegex = "", "^(data|list)$" },
		"PlainRegex":      func(m *sops.Metadata) { m.UnencryptedSuffix, m.UnencryptedRegex = "", "^b$" },
		"EncryptedRemark": func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedCommentRegex = "", "sops:enc" },
		"PlainRemark":     func(m *sops.Metadata) { m.UnencryptedSuffix, m.UnencryptedCommentRegex = "", "^ plain$" },
	}
	h := newAge(t)
	for name, change := range rules {
		t.Run(name, func(t *testing.T) {
			data := encrypt(t, formatYAML, text, change, h)
			d := newService(t).For(Unit{Keys: keysOf(t, h)})
			got, err := d.File(t.Context(), "a.yaml", data)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := formatYAML.store().LoadEncryptedFile(data)
			if err != nil {
				t.Fatal(err)
			}
			key, err := d.dataKey(t.Context(), &tree.Metadata)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tree.Decrypt(key, aes.NewCipher()); err != nil {
				t.Fatal(err)
			}
			want, err := formatYAML.store().EmitPlainFile(tree.Branches)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the library and we differ (-library +ours):\n%s", diff)
			}
			wantJSON, err := formatJSON.store().EmitPlainFile(tree.Branches)
			if err != nil {
				t.Fatal(err)
			}
			if gotJSON, err := emitJSON(tree.Branches); err != nil || string(gotJSON) != string(wantJSON) {
				t.Errorf("as JSON we write %s, the library %s (%v)", gotJSON, wantJSON, err)
			}
		})
	}
}

func TestFormatOfFile(t *testing.T) {
	h := newAge(t)
	service := newService(t)
	cases := map[string]struct {
		why, file string
		format    format
		text      string
		want      string
	}{
		"DotenvByContent": {"envs have any name", "config/production", formatDotenv, "A=" + canary + "\n", "A=" + canary + "\n"},
		"YAMLByContent":   {"so have files", "secret.enc", formatYAML, "a: " + canary + "\n", "a: " + canary + "\n"},
		"YmlToo":          {"both suffixes", "a.yml", formatYAML, "a: " + canary + "\n", "a: " + canary + "\n"},
		"JSONWithoutName": {"JSON that is no envelope stays JSON", "secret", formatJSON, `{"a":"` + canary + `"}`, "{\n\t\"a\": \"" + canary + "\"\n}\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := service.For(Unit{Keys: keysOf(t, h)}).File(t.Context(), tc.file, encrypt(t, tc.format, tc.text, nil, h))
			if err != nil || string(got) != tc.want {
				t.Errorf("%s: got %q and %v, want %q", tc.why, got, err, tc.want)
			}
		})
	}
}

func TestPlainFilesStayAsTheyAre(t *testing.T) {
	d := newService(t).For(Unit{})
	for name, data := range map[string]string{
		"a.yaml": "mac: 00:11\nsops: fun\n", "a.json": `{"mac": "x"}`, "a.env": "A=ENC[\n", "a.ini": "[sops]\nmac = y\n", "b": "\x00\xff",
		"large.yaml": strings.Repeat("# nothing\n", 1<<20),
	} {
		got, err := d.File(t.Context(), name, []byte(data))
		if err != nil || string(got) != data {
			t.Errorf("%s: changed or refused: %v", name, err)
		}
	}
}

func secretObject(data map[string]any) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "db", "namespace": "team"}, "data": data,
	}
}

// encryptObject makes a SOPS document of an object, with values below data encrypted.
func encryptObject(t testing.TB, obj map[string]any, holders ...holder) *unstructured.Unstructured {
	t.Helper()
	text, err := yaml.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	only := func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedRegex = "", "^(data|stringData)$" }
	out := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(encrypt(t, formatYAML, string(text), only, holders...), &out.Object); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestObject(t *testing.T) {
	h := newAge(t)
	d := newService(t).For(Unit{Keys: keysOf(t, h)})
	plain := secretObject(map[string]any{"password": canary})
	encrypted := encryptObject(t, plain, h)
	before := encrypted.DeepCopy()
	// What an overlay adds is no part of what was encrypted.
	encrypted.SetLabels(map[string]string{"added": "later"})
	got, err := d.Object(t.Context(), encrypted)
	if err != nil {
		t.Fatal(err)
	}
	want := (&unstructured.Unstructured{Object: plain}).DeepCopy()
	want.SetLabels(map[string]string{"added": "later"})
	if diff := cmp.Diff(want.Object, got.Object); diff != "" {
		t.Errorf("decrypted object (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before.Object["data"], encrypted.Object["data"]); diff != "" {
		t.Errorf("the object that was given changed:\n%s", diff)
	}
	for name, exempt := range map[string]func(*unstructured.Unstructured){
		"Annotation": func(u *unstructured.Unstructured) {
			u.SetAnnotations(map[string]string{exemptKey: "Disabled"})
		},
		"Label": func(u *unstructured.Unstructured) {
			u.SetLabels(map[string]string{exemptKey: "disabled"})
		},
	} {
		obj := before.DeepCopy()
		exempt(obj)
		if got, err := d.Object(t.Context(), obj); err != nil || got != obj {
			t.Errorf("%s: an exempted object was touched: %v", name, err)
		}
	}
}

func TestSecretEntries(t *testing.T) {
	h := newAge(t)
	b64 := func(data []byte) string { return base64.StdEncoding.EncodeToString(data) }
	obj := &unstructured.Unstructured{Object: secretObject(map[string]any{
		".dockerconfigjson": b64(encrypt(t, formatYAML, "auths: "+canary+"\n", nil, h)),
		"app.env":           b64(encrypt(t, formatDotenv, "A="+canary+"\n", nil, h)),
		"blob":              b64(encrypt(t, formatBinary, canary, nil, h)),
		"config.yaml":       b64(encrypt(t, formatJSON, `{"a":"`+canary+`"}`, nil, h)),
		"app.ini":           b64(encrypt(t, formatINI, "[a]\nb = "+canary+"\n", nil, h)),
		"plain":             b64([]byte("plain")),
		"broken":            "%%%",
	})}
	got, err := newService(t).For(Unit{Keys: keysOf(t, h)}).Object(t.Context(), obj)
	if err != nil {
		t.Fatal(err)
	}
	entries, _, err := unstructured.NestedStringMap(got.Object, "data")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		".dockerconfigjson": b64([]byte("{\n\t\"auths\": \"" + canary + "\"\n}\n")), "app.env": b64([]byte("A=" + canary + "\n")),
		"blob": b64([]byte(canary)), "config.yaml": b64([]byte("a: " + canary + "\n")), "app.ini": b64([]byte("[a]\nb = " + canary + "\n")),
		"plain": b64([]byte("plain")), "broken": "%%%",
	}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestNothingToDecrypt(t *testing.T) {
	d := newService(t).For(Unit{})
	for name, obj := range map[string]map[string]any{
		"ConfigMap":   {"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}},
		"PlainSecret": secretObject(map[string]any{"a": "YQ=="}),
		"OddData":     secretObject(map[string]any{"a": int64(1)}),
		"SopsText":    {"apiVersion": "v1", "kind": "Song", "metadata": map[string]any{"name": "a"}, "sops": "none"},
	} {
		u := &unstructured.Unstructured{Object: obj}
		if got, err := d.Object(t.Context(), u); err != nil || got != u {
			t.Errorf("%s: touched: %v", name, err)
		}
	}
}

// TestMACIsNotVerified pins what the API promises about tampering: values are
// authenticated one by one, the document as a whole is not.
func TestMACIsNotVerified(t *testing.T) {
	h := newAge(t)
	data := encrypt(t, formatYAML, "a: "+canary+"\nopen_unencrypted: one\n", nil, h)
	data = bytes.Replace(data, []byte("open_unencrypted: one"), []byte("open_unencrypted: two"), 1)
	got, err := newService(t).For(Unit{Keys: keysOf(t, h)}).File(t.Context(), "a.yaml", data)
	if err != nil || string(got) != "a: "+canary+"\nopen_unencrypted: two\n" {
		t.Errorf("got %q and %v", got, err)
	}
}

func TestShamir(t *testing.T) {
	a, b, c := newAge(t), newPGP(t), newHybrid(t)
	data := encrypt(t, formatYAML, "a: "+canary+"\n", func(m *sops.Metadata) { m.ShamirThreshold = 2 }, a, b, c)
	for name, tc := range map[string]struct {
		have []holder
		want string
	}{
		"Two":  {[]holder{b, c}, ""},
		"One":  {[]holder{c}, "1 of 3 key groups give their part of the data key, and 2 are needed"},
		"None": {nil, "group 3: age recipient age1pq1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newService(t).For(Unit{Keys: keysOf(t, tc.have...)}).File(t.Context(), "a.yaml", data)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestFallbackIsForUnitsWithoutSecret(t *testing.T) {
	h := newAge(t)
	data := encrypt(t, formatYAML, "a: "+canary+"\n", nil, h)
	service := newService(t)
	if _, err := service.For(Unit{Fallback: *keysOf(t, h)}).File(t.Context(), "a.yaml", data); err != nil {
		t.Errorf("the fallback was not used: %v", err)
	}
	if _, err := service.For(Unit{Keys: &keys.Keys{}, Fallback: *keysOf(t, h)}).File(t.Context(), "a.yaml", data); err == nil {
		t.Error("the fallback was used for a unit that names a Secret")
	}
}

// TestMachineIsNotAsked is about keys of the controller: none of them is a key of a
// tenant, and commands named in the environment are not run.
func TestMachineIsNotAsked(t *testing.T) {
	h := newAge(t)
	data := encrypt(t, formatYAML, "a: "+canary+"\n", nil, h)
	home, ran := t.TempDir(), t.TempDir()+"/ran"
	if err := os.MkdirAll(home+"/sops/age", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home+"/sops/age/keys.txt", h.data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("SOPS_AGE_KEY", string(h.data))
	t.Setenv("SOPS_AGE_KEY_FILE", home+"/sops/age/keys.txt")
	t.Setenv("SOPS_AGE_KEY_CMD", "touch "+ran)
	if _, err := newService(t).For(Unit{}).File(t.Context(), "a.yaml", data); err == nil {
		t.Error("a key of the machine was used")
	}
	if _, err := os.Stat(ran); !errors.Is(err, os.ErrNotExist) {
		t.Error("a command of the environment was run")
	}
}

func TestDataKeyIsAskedForOnce(t *testing.T) {
	h := newAge(t)
	d := newService(t).For(Unit{Keys: keysOf(t, h)})
	data := encrypt(t, formatYAML, "a: "+canary+"\n", nil, h)
	if _, err := d.File(t.Context(), "a.yaml", data); err != nil {
		t.Fatal(err)
	}
	d.unwrap = newService(t).For(Unit{}).unwrap
	if _, err := d.File(t.Context(), "b.yaml", data); err != nil {
		t.Errorf("the data key was asked for again: %v", err)
	}
	if _, err := d.File(t.Context(), "b.yaml", encrypt(t, formatYAML, "a: b\n", nil, h)); err == nil {
		t.Error("another document was decrypted with the data key of the first")
	}
}

func TestHooksLeaveTheNameToTheBuild(t *testing.T) {
	d := newService(t).For(Unit{})
	data := encrypt(t, formatYAML, "a: "+canary+"\n", nil, newAge(t))
	_, fileErr := d.FileHook(t.Context())("a.yaml", data)
	_, objErr := d.ObjectHook(t.Context())(encryptObject(t, secretObject(map[string]any{"a": canary}), newAge(t)))
	for _, err := range []error{fileErr, objErr} {
		if !fault.Is(err, meta.ReasonBuildFailed) || strings.HasPrefix(err.Error(), "decrypting") {
			t.Errorf("want a build failure that does not repeat the name, got %v", err)
		}
	}
}

// failures are documents that cannot be decrypted, each with what has to be said.
func failures(t testing.TB, h holder) map[string]struct {
	why, file string
	data      []byte
	says      string
} {
	doc := func(f format, text string) []byte { return encrypt(t, f, text, nil, h) }
	swap := func(data []byte, old, with string) []byte {
		if !bytes.Contains(data, []byte(old)) {
			t.Fatalf("the document has no %q:\n%s", old, data)
		}
		return bytes.Replace(data, []byte(old), []byte(with), 1)
	}
	empty := doc(formatYAML, "password: \"\"\nother: x\n")
	secret := doc(formatYAML, "password: "+canary+"\n")
	shifted := bytes.Replace(secret, []byte("password: ENC[AES256_GCM,data:"), []byte("password: ENC[AES256_GCM,data:AAAA"), 1)
	plugin := swap(secret, "recipient: age1", "recipient: age1yubikey1")
	return map[string]struct {
		why, file string
		data      []byte
		says      string
	}{
		"EmptyThenPlain":     {"the value was empty when it was encrypted, and typed in later", "a.yaml", swap(empty, `password: ""`, "password: "+canary), "the value at password is not encrypted"},
		"NumberThenPlain":    {"the same with a number", "a.yaml", swap(empty, `password: ""`, "password: 4711"), "the value at password is not encrypted"},
		"MalformedCiphers":   {"cut in the middle", "a.yaml", swap(secret, ",iv:", canary), "does not decrypt with the data key"},
		"TamperedCiphertext": {"authenticated", "a.yaml", shifted, "the value at password does not decrypt"},
		"RenamedKey":         {"the path is authenticated, too", "a.yaml", swap(secret, "password:", "renamed:"), "the value at renamed does not decrypt"},
		"BytesType":          {"a type that the library cannot handle", "a.yaml", swap(secret, "type:str]", "type:bytes]"), "gave up"},
		"Plugin":             {"a recipient of a plugin would start a program", "a.yaml", plugin, `it belongs to age plugin "yubikey"; plugins are programs and are not run here`},
		"SSH":                {"SSH identities are files of a machine", "a.yaml", swap(secret, "recipient: age1", "recipient: ssh-ed25519 "), "SSH identities are not supported"},
		"DamagedDataKey":     {"the armor is broken", "a.yaml", swap(secret, "-----BEGIN AGE", "-----BEGAN AGE"), "its encrypted data key is damaged"},
		"TooLarge":           {"a document has 5 MiB at most", "a.yaml", append(bytes.Clone(secret), bytes.Repeat([]byte("# filler\n"), maxBytes/9)...), "more than the limit of 5242880"},
		"BrokenYAML":         {"with the line, without its text", "a.yaml", append(bytes.Clone(secret), []byte("\n  : "+canary+": [")...), "cannot be read as YAML"},
		"BrokenJSON":         {"parsers quote", "a.json", []byte(`{"a":"` + canary + `","sops":{"mac": "ENC[`), "cannot be read as JSON"},
		"BrokenDotenv":       {"the store quotes the line", "a.env", []byte(canary + "\nsops_mac=ENC[x\n"), "cannot be read as dotenv"},
		"NoMetadata":         {"the marker is not the metadata", "a.yaml", []byte("x:\n  mac: ENC[x\n"), "no SOPS metadata"},
		"NoKeys":             {"nobody can decrypt it", "a.yaml", []byte("sops:\n  mac: ENC[x\n  lastmodified: \"2024-01-01T00:00:00Z\"\n"), "name no key"},
		"BadRegex":           {"the library would take it for no match", "a.yaml", encrypt(t, formatYAML, "a_b: c\n", func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedRegex = "", "(" }, h), "encrypted_regex is not a regular expression"},
		"TwoRules":           {"which one counts", "a.yaml", swap(secret, "unencrypted_suffix: _unencrypted", "unencrypted_suffix: a\n    encrypted_suffix: b"), "more than one rule"},
		"AliasCycle":         {"would overflow the stack", "a.yaml", append(bytes.Clone(secret), []byte("---\na: &a\n  b: *a\n")...), "aliases that do not end"},
		"DeepJSON":           {"nesting would overflow the stack, too", "a.json", []byte(`{"sops":{"mac": "ENC["},"a":` + strings.Repeat("[", 100000)), "nested deeper"},
		"WideYAML":           {"time grows with the square", "a.yaml", append([]byte(strings.Repeat("x: 1\n", maxKeys+1)), secret...), "keys in one place"},
		"ManyValues":         {"JSON of any shape", "a.json", []byte(`{"sops":{"mac": "ENC["},"a":[` + strings.Repeat("1,", 4*maxNodes)), "it has more than"},
		"ManyLines":          {"dotenv has a limit, too", "a.env", []byte("sops_mac=ENC[x\n" + strings.Repeat("a=1\n", maxLines)), "it has more than"},
		"ManyBlocks":         {"time would grow with the square", "a.yaml", append(bytes.Clone(secret), []byte("---\n"+strings.Repeat("sops: 1\n", 10))...), "more than one block"},
		"DeepDotenv":         {"keys express nesting", "a.env", []byte("sops_mac=ENC[x\nsops_" + strings.Repeat("__map_a", 100) + "=1\n"), "nested deeper"},
	}
}

// TestFailuresShowNothing guards against secrets in conditions, events and logs:
// every message is searched for the value, the key and the ciphertext.
func TestFailuresShowNothing(t *testing.T) {
	h := newAge(t)
	identity := strings.TrimSpace(strings.Split(string(h.data), "\n")[2])
	d := newService(t).For(Unit{Keys: keysOf(t, h)})
	for name, tc := range failures(t, h) {
		t.Run(name, func(t *testing.T) {
			got, err := d.File(t.Context(), "apps/"+tc.file, tc.data)
			if err == nil || got != nil {
				t.Fatalf("%s: decrypted to %q", tc.why, got)
			}
			if !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), `decrypting "apps/`+tc.file+`": `) {
				t.Errorf("%s: error %q, want the name and %q", tc.why, err, tc.says)
			}
			if f := fault.Of(err); f.Reason != meta.ReasonBuildFailed || f.Class != fault.ClassRetry || f.Hint == "" {
				t.Errorf("%s: %s, class %s, hint %q", tc.why, f.Reason, f.Class, f.Hint)
			}
			if leak := fakekms.Leak(err.Error(), canary, identity, "ENC[AES256"); leak != "" {
				t.Errorf("%s: the error shows %s", tc.why, leak)
			}
		})
	}
}

func TestWrongKeyNamesEveryTry(t *testing.T) {
	a, b := newAge(t), newPGP(t)
	obj := encryptObject(t, secretObject(map[string]any{"a": canary}), a, b)
	_, err := newService(t).For(Unit{Keys: keysOf(t, newAge(t), newPGP(t))}).Object(t.Context(), obj)
	if err == nil {
		t.Fatal("decrypted with the wrong keys")
	}
	for _, want := range []string{
		"decrypting Secret/team/db: no key gives its data key: ", "PGP key ABCD: none of the given PGP keys is this key",
		": none of the given age identities is this recipient", "spec.decryption.secretRef",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

func TestObjectErrorsShowNothing(t *testing.T) {
	h := newAge(t)
	d := newService(t).For(Unit{Keys: keysOf(t, h)})
	whole := func(change func(map[string]any)) *unstructured.Unstructured {
		obj := secretObject(map[string]any{"password": canary})
		change(obj)
		return encryptObject(t, obj, h)
	}
	typed := encryptObject(t, secretObject(map[string]any{"password": canary}), h)
	typed.Object["data"].(map[string]any)["added"] = canary
	nested := &unstructured.Unstructured{Object: secretObject(map[string]any{"app.ini": base64.StdEncoding.EncodeToString(
		encrypt(t, formatYAML, "deep:\n  deeper:\n    deepest: "+canary+"\n", nil, h))})}
	for name, tc := range map[string]struct {
		why  string
		obj  *unstructured.Unstructured
		want string
	}{
		"NoKind":    {"the decoder of Kubernetes quotes the whole object", whole(func(o map[string]any) { delete(o, "kind") }), "not a Kubernetes object"},
		"NoName":    {"it could not be applied", whole(func(o map[string]any) { delete(o, "metadata") }), "not a Kubernetes object"},
		"Added":     {"the value was typed in after the encryption", typed, "the value at data.added is not encrypted"},
		"BadFormat": {"the format is that of the entry's name", nested, `data "app.ini": what it decrypts to does not fit into INI`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.Object(t.Context(), tc.obj)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("%s: error %v, want %q", tc.why, err, tc.want)
			}
			if leak := fakekms.Leak(err.Error(), canary, "ENC[AES256"); leak != "" {
				t.Errorf("%s: the error shows %s: %v", tc.why, leak, err)
			}
		})
	}
}

func TestGivenUp(t *testing.T) {
	h := newAge(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newService(t).For(Unit{Keys: keysOf(t, h)}).File(ctx, "a.yaml", encrypt(t, formatYAML, "a: "+canary+"\n", nil, h))
	if err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("got %v", err)
	}
}

// FuzzHostile looks for panics that escape and for time that runs away. The seed is a
// document whose metadata the fuzzer may change, with a key that fits.
func FuzzHostile(f *testing.F) {
	h := newAge(f)
	for fm, plain := range plains {
		f.Add(plain.file, encrypt(f, fm, plain.text, nil, h))
	}
	for _, tc := range failures(f, h) {
		if len(tc.data) < 1<<16 {
			f.Add(tc.file, tc.data)
		}
	}
	service := newService(f)
	own := keysOf(f, h)
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		d := service.For(Unit{Keys: own})
		if out, err := d.File(t.Context(), name, data); err != nil && out != nil {
			t.Error("an error and a result")
		}
		obj := &unstructured.Unstructured{}
		if json.Unmarshal(data, &obj.Object) == nil && obj.Object != nil {
			_, _ = d.Object(t.Context(), obj)
		}
		entry := secretObject(map[string]any{name: base64.StdEncoding.EncodeToString(data)})
		_, _ = d.Object(t.Context(), &unstructured.Unstructured{Object: entry})
	})
}
