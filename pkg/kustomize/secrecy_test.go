package kustomize

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
)

// TestErrorsHoldNoSecret makes the library fail in as many ways as it has of printing
// objects, with Secrets in reach: what it says names the rule and the object, and holds
// no value in any form.
func TestErrorsHoldNoSecret(t *testing.T) {
	const secret = "correct-horse-42"
	encoded := base64.StdEncoding.EncodeToString([]byte(secret))
	one := "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: demo}\nstringData: {password: " + secret + "}\n"
	bare := "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {password: " + encoded + "}\n"
	cases := map[string]struct {
		why   string
		files tree
		// plain are files that are encrypted, and what they decrypt to.
		plain   map[string]string
		overlay Overlay
		says    string
	}{
		"Namespace": {
			"a generated and a written Secret fall on one name by the target namespace",
			tree{"kustomization.yaml": "resources: [db.yaml]\nsecretGenerator:\n- {name: db, envs: [db.env], options: {disableNameSuffixHash: true}}\n", "db.yaml": one, "db.env": "cipher"},
			map[string]string{"db.env": "PASSWORD=" + secret + "\n"}, Overlay{TargetNamespace: "demo"}, "Secret/demo/db",
		},
		"Plain": {
			"two written ones do", tree{"kustomization.yaml": "resources: [a.yaml, b.yaml]\n", "a.yaml": one, "b.yaml": bare}, nil,
			Overlay{TargetNamespace: "demo"}, "conflict",
		},
		"Twice":        {"a Secret is written twice", tree{"kustomization.yaml": "resources: [a.yaml, b.yaml]\n", "a.yaml": one, "b.yaml": one}, nil, Overlay{}, "Secret"},
		"Literal":      {"a literal without a name", tree{"kustomization.yaml": "secretGenerator:\n- name: db\n  literals: [" + secret + "]\n"}, nil, Overlay{}, "literal"},
		"KeyTwice":     {"a key that two literals give", tree{"kustomization.yaml": "secretGenerator:\n- name: db\n  literals: [a=" + secret + ", a=" + secret + "-2]\n"}, nil, Overlay{}, "key"},
		"Merge":        {"a generator that does not say that it merges", tree{"kustomization.yaml": "resources: [a.yaml]\nsecretGenerator:\n- name: db\n  namespace: demo\n  literals: [a=" + secret + "]\n", "a.yaml": one}, nil, Overlay{}, "Secret"},
		"MergeNothing": {"a generator that merges with nothing", tree{"kustomization.yaml": "secretGenerator:\n- name: db\n  behavior: merge\n  literals: [a=" + secret + "]\n"}, nil, Overlay{}, "cannot merge or replace"},
		"JSONPatch":    {"a patch of a field that is not there", tree{"kustomization.yaml": "resources: [a.yaml]\npatches:\n- target: {kind: Secret}\n  patch: '[{\"op\":\"replace\",\"path\":\"/data/x\",\"value\":\"" + secret + "\"}]'\n", "a.yaml": one}, nil, Overlay{}, ""},
		"MergePatch":   {"a patch of another type", tree{"kustomization.yaml": "resources: [a.yaml]\npatches:\n- path: p.yaml\n", "a.yaml": one, "p.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: demo}\nstringData: [" + secret + "]\n"}, nil, Overlay{}, ""},
		"NoTarget":     {"a patch of an object that is not there", tree{"kustomization.yaml": "resources: [a.yaml]\npatches:\n- path: p.yaml\n", "a.yaml": one, "p.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: other}\nstringData: {a: " + secret + "}\n"}, nil, Overlay{}, "Secret"},
		"BadYAML":      {"a Secret that cannot be read", tree{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "kind: Secret\nstringData:\n  a: " + secret + "\n b: [" + secret + "\n"}, nil, Overlay{}, "a.yaml"},
		"NoName":       {"a Secret without a name", tree{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "apiVersion: v1\nkind: Secret\nstringData: {a: " + secret + "}\n"}, nil, Overlay{}, ""},
		"List":         {"a list whose items are no objects", tree{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  stringData: {a: " + secret + "}\n"}, nil, Overlay{}, ""},
		"Replacement": {
			"a value of a Secret that is to go where nothing is",
			tree{"kustomization.yaml": "resources: [a.yaml, c.yaml]\nreplacements:\n- source: {kind: Secret, fieldPath: stringData.password}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.x.y.z]}]\n", "a.yaml": one, "c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {x: a}\n"},
			nil, Overlay{}, "",
		},
		"DecryptedPatch": {
			"a decrypted patch that is none", tree{"kustomization.yaml": "resources: [a.yaml]\npatches:\n- path: p.yaml\n", "a.yaml": one, "p.yaml": "cipher"},
			map[string]string{"p.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: demo}\nstringData:\n- " + secret + "\n"}, Overlay{}, "",
		},
		"DecryptedNoPatch": {
			"a decrypted patch that is no object at all", tree{"kustomization.yaml": "resources: [a.yaml]\npatches:\n- path: p.yaml\n", "a.yaml": one, "p.yaml": "cipher"},
			map[string]string{"p.yaml": secret + "\n"}, Overlay{}, "",
		},
		"DecryptedBinary": {
			"a decrypted env file that is no text", tree{"kustomization.yaml": "secretGenerator:\n- {name: db, envs: [db.env]}\n", "db.env": "cipher"},
			map[string]string{"db.env": "A=\xff" + secret + "\n"}, Overlay{}, "",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			decrypt := func(path string, data []byte) ([]byte, error) {
				if plain, ok := c.plain[path]; ok {
					return []byte(plain), nil
				}
				return data, nil
			}
			_, err := NewBuilder(Options{}).Build(t.Context(), Request{FS: c.files.fs(t), Decrypt: decrypt, Overlay: c.overlay})
			if err == nil {
				t.Fatalf("%s: it was built", c.why)
			}
			text := err.Error()
			if !strings.Contains(text, c.says) {
				t.Errorf("%s: it does not name %q: %s", c.why, c.says, text)
			}
			for _, form := range []string{secret, encoded, "horse", hex.EncodeToString([]byte(secret)), url.QueryEscape(secret), base64.RawStdEncoding.EncodeToString([]byte(secret))} {
				if strings.Contains(text, form) {
					t.Errorf("%s: %q is shown: %s", c.why, form, text)
				}
			}
		})
	}
}
