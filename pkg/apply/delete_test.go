package apply_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/apply/inflight"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// targets are what is to be deleted of objects that were applied.
func targets(objects ...*unstructured.Unstructured) []apply.Deletion {
	out := make([]apply.Deletion, len(objects))
	for i, obj := range objects {
		out[i] = apply.Deletion{ID: inventory.IDOf(obj), Version: obj.GroupVersionKind().Version}
	}
	return out
}

// outcomes returns what became of each target, in order.
func outcomes(all []apply.DeletionReport) []string {
	var lines []string
	for _, o := range all {
		line := o.ID.Kind + "/" + o.ID.Name + " " + string(o.Result)
		if o.Err != nil {
			line += o.Err.Error()
		}
		lines = append(lines, line)
	}
	return lines
}

// TestDeleteAll deletes in the reverse of the order of applying, goes on past what
// cannot be deleted, and waits for one rank before it begins the next.
func TestDeleteAll(t *testing.T) {
	w := newWorld(t)
	account := w.object("v1", "ServiceAccount", "a", nil)
	service := w.object("v1", "Service", "a", fields{"spec": fields{"ports": []any{fields{"port": int64(80)}}}})
	kept := annotate(w.configMap("kept", "1"), "prune", "disabled")
	objects := []*unstructured.Unstructured{account, w.configMap("a", "1"), w.configMap("b", "1"), kept, service}
	w.run(tasksOf(objects...)...)
	var mu sync.Mutex
	var deleted []string
	w.requests.tamper(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if r.Method == http.MethodDelete {
			mu.Lock()
			deleted = append(deleted, strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/"+w.ns+"/"))
			mu.Unlock()
			if strings.HasSuffix(r.URL.Path, "/services/a") {
				return nil, errors.New("broken wire")
			}
		}
		return next.RoundTrip(r)
	})
	got := outcomes(w.applier.Delete(t.Context(), w.unit, targets(objects...)))
	if !strings.HasPrefix(got[0], "Service/a Service/"+w.ns+"/a delete failed: ") {
		t.Errorf("got %s", got[0])
	}
	if diff := cmp.Diff([]string{"ConfigMap/kept released", "ConfigMap/b deleted", "ConfigMap/a deleted", "ServiceAccount/a deleted"}, got[1:]); diff != "" {
		t.Error(diff)
	}
	if len(deleted) != 4 || deleted[0] != "services/a" || deleted[3] != "serviceaccounts/a" {
		t.Errorf("the order of deletion: %v", deleted)
	}
}

// TestConcurrent bounds the objects of one run, not those of another, and lets the
// request of a small unit go before those that wait in a large one.
func TestConcurrent(t *testing.T) {
	w := newWorld(t)
	w.applierWith(func(o *apply.Options) { o.Concurrent = 3 })
	var mu sync.Mutex
	flying, most := 0, 0
	w.requests.tamper(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		mu.Lock()
		flying++
		most = max(most, flying)
		mu.Unlock()
		defer func() {
			mu.Lock()
			flying--
			mu.Unlock()
		}()
		return next.RoundTrip(r)
	})
	var objects []*unstructured.Unstructured
	for i := range 60 {
		objects = append(objects, w.configMap(fmt.Sprintf("x-%d", i), "1"))
	}
	w.run(tasksOf(objects...)...)
	if most != 3 {
		t.Errorf("at most %d requests at once", most)
	}
}

// TestSmallUnitAmongLarge makes sure of this: with one unit of many objects under
// way, the one object of another takes its turn instead of standing behind all.
func TestSmallUnitAmongLarge(t *testing.T) {
	large, small := newWorld(t), newWorld(t)
	large.options.Limiter = inflight.New(1, clock.RealClock{})
	large.applierWith(func(*apply.Options) {})
	var mu sync.Mutex
	var order []string
	begun := make(chan struct{})
	var once sync.Once
	large.requests.tamper(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		mu.Lock()
		order = append(order, strings.Split(r.URL.Path, "/")[4])
		if len(order) == 10 {
			once.Do(func() { close(begun) })
		}
		mu.Unlock()
		return next.RoundTrip(r)
	})
	var objects []*unstructured.Unstructured
	for i := range 100 {
		objects = append(objects, large.configMap(fmt.Sprintf("x-%d", i), "1"))
	}
	ended := make(chan error, 1)
	go func() {
		_, err := large.applier.Run(context.Background(), large.unit, tasksOf(objects...))
		ended <- err
	}()
	<-begun
	if _, err := large.applier.Run(t.Context(), small.unit, tasksOf(small.configMap("x", "1"))); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	sofar := len(order)
	mu.Unlock()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if sofar > 40 {
		t.Errorf("two requests for one object ended after %d of 202", sofar)
	}
}
