package build

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

const job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job, namespace: apps}\nspec: {ttlSecondsAfterFinished: 1}\n"

// normal returns the objects in the form in which they are applied.
func (w *world) normal(u *kustomizev1.Kustomization, built *Result) (objects []*unstructured.Unstructured) {
	w.t.Helper()
	for _, d := range built.Objects {
		obj, err := w.Normal(u, d)
		if err != nil {
			w.t.Fatal(err)
		}
		objects = append(objects, obj)
	}
	return objects
}

// unreachable is an artifact that nobody serves: who asks for it fails.
func unreachable() *meta.Artifact {
	return &meta.Artifact{URL: "http://127.0.0.1:1/gone.tar.gz", Revision: "gone", Digest: "sha256:" + strings.Repeat("0", 64)}
}

// TestKept takes from the cache what is known to come out, in the same form,
// whatever became of the artifact since.
func TestKept(t *testing.T) {
	w := newWorld(t)
	u := unit()
	files := map[string]string{"app/job.yaml": job}
	for i := range 100 {
		files[fmt.Sprintf("app/%d.yaml", i)] = configMap(fmt.Sprintf("c%d", i), "1")
	}
	a := w.publish("main", files)
	for _, form := range []string{"Normalised", "Raw"} { // the second build knows the digests of the first
		t.Run(form, func(t *testing.T) {
			built := w.built(u, a)
			if raw := built.Objects[0].Raw; raw != (form == "Raw") {
				t.Fatalf("raw %t", raw)
			}
			again, err := w.Build(t.Context(), u, unreachable(), built.Digest())
			if err != nil {
				t.Fatal(err)
			}
			if again.Digest() != built.Digest() {
				t.Error("the identities or digests differ")
			}
			if diff := cmp.Diff(built.Recording, again.Recording); diff != "" {
				t.Errorf("what the build read (-want +got):\n%s", diff)
			}
			if want, _ := inventory.ParseID("apps_job_batch_Job"); !again.Transient[want] || len(again.Transient) != 1 {
				t.Errorf("transient are %v", again.Transient)
			}
			if diff := cmp.Diff(w.normal(u, built), w.normal(u, again)); diff != "" {
				t.Errorf("the objects (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNotKept(t *testing.T) {
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: secret, namespace: apps}\nstringData: {password: x}\n"
	noise := strings.Builder{}
	random := rand.New(rand.NewPCG(1, 2))
	for noise.Len() < 2*maxCachedUnit {
		_, _ = fmt.Fprintf(&noise, "%016x", random.Uint64())
	}
	many := strings.Builder{}
	for i := range maxCachedObjects {
		many.WriteString("---\n" + configMap(fmt.Sprintf("c%d", i), "1"))
	}
	cases := map[string]struct {
		why   string
		file  string
		after func(*world, *kustomizev1.Kustomization) // the build
		known func(*Result) string
	}{
		"Unknown": {why: "nothing is known of what comes out", known: func(*Result) string { return "" }},
		"Other":   {why: "something else comes out", known: func(b *Result) string { return b.Digest() + "0" }},
		"Secret":  {why: "it has a Secret", file: secret},
		"Large":   {why: "it is too large", file: configMap("large", noise.String())},
		"Many":    {why: "it has too many objects", file: many.String()},
		"Forgotten": {why: "the unit is gone", after: func(w *world, u *kustomizev1.Kustomization) {
			w.Forget(request.Key(u))
		}},
		"Replaced": {why: "another build came after it", after: func(w *world, u *kustomizev1.Kustomization) {
			w.built(u, w.publish("next", map[string]string{"app/a.yaml": configMap("one", "other")}))
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := unit()
			files := map[string]string{"app/a.yaml": configMap("one", "1")}
			if tc.file != "" {
				files["app/b.yaml"] = tc.file
			}
			built := w.built(u, w.publish("main", files))
			if tc.after != nil {
				tc.after(w, u)
			}
			known := built.Digest()
			if tc.known != nil {
				known = tc.known(built)
			}
			if _, err := w.Build(t.Context(), u, unreachable(), known); err == nil {
				t.Errorf("%s, and yet it came from the cache", tc.why)
			}
		})
	}
	t.Run("Off", func(t *testing.T) {
		w := newWorld(t)
		w.NoCache = true
		built := w.built(unit(), w.publish("main", map[string]string{"app/a.yaml": configMap("one", "1")}))
		if _, err := w.Build(t.Context(), unit(), unreachable(), built.Digest()); err == nil || w.cache.size != 0 {
			t.Errorf("the cache is turned off, and %d bytes are kept", w.cache.size)
		}
	})
	t.Run("Sensitive", func(t *testing.T) {
		w := newWorld(t)
		built := w.built(unit(), w.publish("main", map[string]string{"app/a.yaml": configMap("one", "1")}))
		built.Objects[0].Sensitive = true
		w.cache.put(request.Key(unit()), built)
		if w.cache.get(request.Key(unit()), built.Digest()) != nil {
			t.Error("a result with sensitive objects was cached")
		}
	})
}

// TestKeptIsBounded keeps no more than it may, and the newest in any case.
func TestKeptIsBounded(t *testing.T) {
	w := newWorld(t)
	var noise strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	for noise.Len() < maxCachedUnit {
		_, _ = fmt.Fprintf(&noise, "%016x", random.Uint64())
	}
	built := w.built(unit(), w.publish("main", map[string]string{"app/a.yaml": configMap("one", noise.String())}))
	for i := range 40 {
		u := unit(func(u *kustomizev1.Kustomization) { u.Name = fmt.Sprintf("unit-%d", i) })
		w.cache.put(request.Key(u), built)
		sum := 0
		for _, b := range w.cache.units {
			sum += len(b.packed)
		}
		if sum != w.cache.size || sum > maxCached {
			t.Fatalf("%d bytes are kept, %d counted, %d allowed", sum, w.cache.size, maxCached)
		}
		if w.cache.get(request.Key(u), built.Digest()) == nil {
			t.Fatal("the newest is not kept")
		}
	}
	if n := len(w.cache.units); n < 8 {
		t.Errorf("only %d are kept", n)
	}
}
