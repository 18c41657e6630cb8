package snapshot_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/pkg/delivery/snapshot"
	"github.com/capstan-gitops/capstan/pkg/manifest"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

var testEnv *env.Env

func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv, env.NoCRDs())) }

// world is a store beside the API server, with a namespace of its own.
type world struct {
	client.Client
	t     *testing.T
	clock *clocktesting.FakeClock
	unit  types.NamespacedName
	store *snapshot.Store
}

func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newWorld(t *testing.T, change ...func(*snapshot.Options)) *world {
	t.Helper()
	w := &world{Client: newClient(t, testEnv.Config()), t: t, clock: clocktesting.NewFakeClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))}
	w.unit = types.NamespacedName{Namespace: env.Namespace(t, w.Client), Name: "apps"}
	w.store = w.another(change...)
	return w
}

// another returns a store as another process would have it.
func (w *world) another(change ...func(*snapshot.Options)) *snapshot.Store {
	w.t.Helper()
	opts := snapshot.Options{Client: w.Client, Kind: "Kustomization", Clock: w.clock, Keep: snapshot.DefaultKeep, Namespace: w.unit.Namespace}
	for _, c := range change {
		c(&opts)
	}
	store, err := snapshot.New(opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return store
}

// made creates an object and returns it as the server has it.
func (w *world) made(apiVersion, kind, name string, content fields) *unstructured.Unstructured {
	w.t.Helper()
	obj := object(apiVersion, kind, content)
	obj.SetName(name)
	obj.SetNamespace(w.unit.Namespace)
	if err := w.Create(w.t.Context(), obj); err != nil {
		w.t.Fatal(err)
	}
	return obj
}

func (w *world) configMap(name, value string) *unstructured.Unstructured {
	return w.made("v1", "ConfigMap", name, fields{"data": fields{"a": value}})
}

func (w *world) put(objects ...*unstructured.Unstructured) snapshot.Receipt {
	w.t.Helper()
	receipt, err := w.store.Put(w.t.Context(), w.unit, "uid", "main@sha1:abc", objects)
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt
}

// secrets returns the snapshots in the namespace, sorted by name.
func (w *world) secrets() []corev1.Secret {
	w.t.Helper()
	list := &corev1.SecretList{}
	if err := w.List(w.t.Context(), list, client.InNamespace(w.unit.Namespace), client.HasLabels{snapshot.LabelPruned}); err != nil {
		w.t.Fatal(err)
	}
	return list.Items
}

func (w *world) names() []string {
	names := []string{}
	for _, secret := range w.secrets() {
		names = append(names, secret.Name)
	}
	return names
}

// text returns what a snapshot holds, read as the command of the receipt does.
func (w *world) text(r snapshot.Receipt) string {
	w.t.Helper()
	list := &corev1.SecretList{}
	err := w.List(w.t.Context(), list, client.InNamespace(r.Namespace), client.MatchingLabels{snapshot.LabelSnapshot: r.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	var all bytes.Buffer
	for _, secret := range list.Items {
		all.Write(secret.Data[snapshot.Field])
	}
	zip, err := gzip.NewReader(&all)
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func (w *world) objects(r snapshot.Receipt) []*unstructured.Unstructured {
	w.t.Helper()
	objects, err := manifest.Decode([]byte(w.text(r)), manifest.Limits{})
	if err != nil {
		w.t.Fatal(err)
	}
	return objects
}

// faulty counts requests, and answers them in place of the server when it is set up to.
type faulty struct {
	client.Client
	lists, creates int
	create         func(n int) error
}

func (f *faulty) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	f.lists++
	return f.Client.List(ctx, list, opts...)
}

func (f *faulty) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	f.creates++
	if f.create != nil {
		if err := f.create(f.creates); err != nil {
			return err
		}
	}
	return f.Client.Create(ctx, obj, opts...)
}

func contains(text string, parts ...string) string {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return part
		}
	}
	return ""
}

func secretMeta(namespace, name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}
