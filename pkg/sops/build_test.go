package sops

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	sopskeys "github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/kms"
	"github.com/getsops/sops/v3/logging"
	"github.com/sirupsen/logrus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/pkg/kustomize"
	"github.com/capstan-gitops/capstan/pkg/sops/fakekms"
	"github.com/capstan-gitops/capstan/pkg/sops/keys"
)

func asYAML(t *testing.T, value any) []byte {
	t.Helper()
	out, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tree is an artifact with an encrypted file for a generator and an encrypted object.
func tree(t *testing.T, h holder) fstest.MapFS {
	t.Helper()
	object := encryptObject(t, secretObject(map[string]any{"password": "Y2FuYXJ5"}), h)
	return fstest.MapFS{
		"kustomization.yaml": {Data: asYAML(t, map[string]any{
			"resources":       []string{"db.yaml"},
			"secretGenerator": []any{map[string]any{"name": "app", "envs": []string{"config/prod"}}},
		})},
		"db.yaml":     {Data: asYAML(t, object.Object)},
		"config/prod": {Data: encrypt(t, formatDotenv, "TOKEN="+canary+"\n", nil, h)},
	}
}

func TestHooksInABuild(t *testing.T) {
	h := newAge(t)
	d := newService(t).For(Unit{Keys: keysOf(t, h)})
	files := tree(t, h)
	built, err := kustomize.NewBuilder(kustomize.Options{}).Build(t.Context(), kustomize.Request{
		FS: files, Decrypt: d.FileHook(t.Context()), DecryptObject: d.ObjectHook(t.Context()),
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, obj := range built.Objects {
		data, _, err := unstructured.NestedStringMap(obj.Object, "data")
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range data {
			found[k] = v
		}
		if _, still := obj.Object["sops"]; still {
			t.Errorf("%s still has SOPS metadata", obj.GetName())
		}
	}
	if found["password"] != "Y2FuYXJ5" || found["TOKEN"] == "" {
		t.Errorf("decrypted %v", found)
	}
	stranger := newService(t).For(Unit{Keys: keysOf(t, newAge(t))})
	_, err = kustomize.NewBuilder(kustomize.Options{}).Build(t.Context(), kustomize.Request{
		FS: files, Decrypt: stranger.FileHook(t.Context()), DecryptObject: stranger.ObjectHook(t.Context()),
	})
	if err == nil || strings.Count(err.Error(), "decrypting") != 1 || !strings.Contains(err.Error(), "spec.decryption.secretRef") {
		t.Errorf("want the name once and the hint, got %v", err)
	}
}

// inKMS is a document whose data key only AWS KMS can decrypt.
func inKMS(t *testing.T, service *fakekms.AWS, arn string) []byte {
	t.Helper()
	return encrypt(t, formatYAML, "a: "+canary+"\n", nil, holder{master: func(_ testing.TB, dataKey []byte) sopskeys.MasterKey {
		return &kms.MasterKey{Arn: arn, EncryptedKey: service.Wrap(arn, dataKey, nil), CreationDate: time.Unix(0, 0)}
	}})
}

func TestKeyServiceIsAskedOncePerBuild(t *testing.T) {
	const arn, host = "arn:aws:kms:eu-west-1:123456789012:key/k", "kms.eu-west-1.amazonaws.com"
	w := fakekms.Start(t)
	fake := fakekms.NewAWS(w, "eu-west-1")
	fake.Accepts["STATIC"] = true
	text, err := json.Marshal(map[string]string{"aws_access_key_id": "STATIC", "aws_secret_access_key": canary})
	if err != nil {
		t.Fatal(err)
	}
	given, err := keys.Read(map[string][]byte{"sops.aws-kms": text})
	if err != nil {
		t.Fatal(err)
	}
	service, err := New(Options{Egress: w.Egress(), ExemptKey: exemptKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Client().CloseIdleConnections)
	data := inKMS(t, fake, arn)
	for range 2 {
		d := service.For(Unit{Keys: &given})
		for range 3 {
			if _, err := d.File(t.Context(), "a.yaml", data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := w.Count(host); got != 2 {
		t.Errorf("%d requests in two builds, want one for each", got)
	}
	delete(fake.Accepts, "STATIC")
	_, err = service.For(Unit{Keys: &given}).File(t.Context(), "a.yaml", data)
	if err == nil || !strings.Contains(err.Error(), "AWS KMS key "+arn+": the service answers 400 Bad Request (AccessDeniedException)") {
		t.Errorf("want service, key and answer, got %v", err)
	}
	if leak := fakekms.Leak(err.Error(), canary); leak != "" {
		t.Errorf("the error shows the credential: %v", err)
	}
}

// TestLibraryLogsNothing listens to every logger of the library, at every level, while
// documents with plain comments, good and bad ones, are decrypted.
func TestLibraryLogsNothing(t *testing.T) {
	h := newAge(t)
	good := bytes.Replace(encrypt(t, formatYAML, "a: "+canary+"\n", nil, h), []byte("a:"), []byte("# "+canary+"\na:"), 1)
	bad := failures(t, h)
	var said bytes.Buffer
	for _, logger := range logging.Loggers {
		out, level := logger.Out, logger.GetLevel()
		logger.SetOutput(&said)
		logger.SetLevel(logrus.TraceLevel)
		t.Cleanup(func() { logger.SetOutput(out); logger.SetLevel(level) })
	}
	d := newService(t).For(Unit{Keys: keysOf(t, h)})
	if _, err := d.File(t.Context(), "a.yaml", good); err != nil {
		t.Fatal(err)
	}
	for _, tc := range bad {
		if _, err := d.File(t.Context(), tc.file, tc.data); err == nil {
			t.Error("a bad document was decrypted")
		}
	}
	if said.Len() > 0 {
		t.Errorf("the library logs: %s", said.String())
	}
}
