package live

import (
	"fmt"
	goruntime "runtime"
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/testkit/testowner"
)

// fleet is a table of many units that is driven by hand, with metadata as a
// watch delivers it.
type fleet struct {
	*Table
	units, each  int
	uids         []types.UID
	fingerprints []inventory.Fingerprint
}

func newFleet(tb testing.TB, units, each int) *fleet {
	tb.Helper()
	client, err := metadata.NewForConfig(&rest.Config{Host: "127.0.0.1:1"})
	if err != nil {
		tb.Fatal(err)
	}
	c := &fleet{units: units, each: each}
	c.Table, err = New(Options{
		Metadata: client, Mapper: meta.NewDefaultRESTMapper(nil), Clock: clocktesting.NewFakeClock(time.Unix(0, 0)),
		Owner: testowner.New(tb), Wake: func(Unit, Cause) {},
	})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range units * each {
		c.uids = append(c.uids, uuid.NewUUID())
		c.fingerprints = append(c.fingerprints, c.Owner().Fingerprint(c.object(i, 1)))
	}
	return c
}

func (c *fleet) unit(i int) Unit {
	return Unit{Namespace: "flux-system", Name: fmt.Sprintf("team-%04d", i/c.each)}
}

func (c *fleet) id(i int) inventory.ID {
	return inventory.ID{Namespace: fmt.Sprintf("apps-%04d", i/c.each), Name: fmt.Sprintf("backend-service-%06d", i), Group: "apps", Kind: "Deployment"}
}

func (c *fleet) object(i, rv int, change ...func(*metav1.PartialObjectMetadata)) *metav1.PartialObjectMetadata {
	at := metav1.NewTime(time.Unix(1_700_000_000, 0))
	id, unit := c.id(i), c.unit(i)
	obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: id.Name, Namespace: id.Namespace, UID: c.uids[i], ResourceVersion: strconv.Itoa(1_000_000*rv + i), Generation: 1,
		Labels: map[string]string{testowner.NameLabel: unit.Name, testowner.NamespaceLabel: unit.Namespace, "app": id.Name},
		ManagedFields: []metav1.ManagedFieldsEntry{{
			Manager: testowner.Manager, Operation: "Apply", APIVersion: "apps/v1", Time: &at, FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:app":{},"f:test.capstan.dev/name":{},"f:test.capstan.dev/namespace":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{".":{},"f:image":{},"f:name":{},"f:ports":{"k:{\"containerPort\":8080,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}},"f:resources":{"f:limits":{"f:memory":{}},"f:requests":{"f:cpu":{},"f:memory":{}}}}}}}}}`),
		}, {
			Manager: "kube-controller-manager", Operation: "Update", APIVersion: "apps/v1", Time: &at, Subresource: "status", FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{".":{},"f:deployment.kubernetes.io/revision":{}}},"f:status":{"f:availableReplicas":{},"f:conditions":{".":{},"k:{\"type\":\"Available\"}":{".":{},"f:status":{},"f:type":{}}},"f:observedGeneration":{}}}`),
		}},
	}}
	for _, f := range change {
		f(obj)
	}
	return obj
}

// expectAll declares all inventories, as status fields are read: every text of
// its own.
func (c *fleet) expectAll() {
	for u := range c.units {
		entries := make([]inventory.Entry, 0, c.each)
		for i := u * c.each; i < (u+1)*c.each; i++ {
			entries = append(entries, inventory.Entry{ID: c.id(i), Version: "v1", Record: inventory.Record{Desired: inventory.DesiredDigest{1}, Live: c.fingerprints[i]}})
		}
		c.Expect(c.unit(u*c.each), inventory.Of(entries...))
	}
	c.locked(func() {
		for _, k := range c.kinds {
			k.listed, k.alive = true, true
		}
	})
}

func (c *fleet) feed(obj *metav1.PartialObjectMetadata) {
	feed{c.Table, c.kinds[schema.GroupKind{Group: "apps", Kind: "Deployment"}]}.Event(watch.Modified, obj)
}

func heap() uint64 {
	goruntime.GC()
	goruntime.GC()
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestBytes measures what an object costs that is watched and in an inventory,
// after four events about each, the texts included that the table alone keeps.
func TestBytes(t *testing.T) {
	const units, each, most = 500, 50, 300
	c := newFleet(t, units, each)
	before := heap()
	c.expectAll()
	for rv := range 4 {
		for i := range units * each {
			c.feed(c.object(i, rv+1))
		}
	}
	bytes := float64(heap()-before) / (units * each)
	t.Logf("%.0f bytes an object", bytes)
	if bytes > most {
		t.Errorf("got %.0f bytes an object, at most %d are allowed", bytes, most)
	}
	goruntime.KeepAlive(c)
}

// BenchmarkEvent measures an event about an object that stays clean, one of 500
// units with 20 objects each.
func BenchmarkEvent(b *testing.B) {
	c := newFleet(b, 500, 20)
	c.expectAll()
	objects := make([]*metav1.PartialObjectMetadata, c.units*c.each)
	for i := range objects {
		objects[i] = c.object(i, 1)
	}
	rv := 1_000_000_000
	b.ReportAllocs()
	for b.Loop() {
		rv++
		obj := objects[rv%len(objects)]
		obj.ResourceVersion = strconv.Itoa(rv)
		c.feed(obj)
	}
}

// BenchmarkPass measures what a pass over a unit asks of the table.
func BenchmarkPass(b *testing.B) {
	c := newFleet(b, 500, 20)
	c.expectAll()
	for i := range c.units * c.each {
		c.feed(c.object(i, 1))
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		unit := c.unit(n % (c.units * c.each))
		if j := c.Judge(unit); !j.Clean() {
			b.Fatalf("got %+v", j)
		}
		if orphans := c.Orphans(unit); len(orphans) > 0 {
			b.Fatalf("got %+v", orphans)
		}
	}
}

// BenchmarkAnswer measures taking in the answer to an apply.
func BenchmarkAnswer(b *testing.B) {
	c := newFleet(b, 500, 20)
	c.expectAll()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c.object(7, 1))
	if err != nil {
		b.Fatal(err)
	}
	answer := &unstructured.Unstructured{Object: content}
	b.ReportAllocs()
	for b.Loop() {
		c.Applying(c.unit(7), c.id(7))(answer, nil)
	}
}

// BenchmarkBurst measures a hundred edits in a hundred units at once: from the
// events to the judgements of all that are woken.
func BenchmarkBurst(b *testing.B) {
	c := newFleet(b, 500, 20)
	var woken []Unit
	c.opts.Wake = func(unit Unit, _ Cause) { woken = append(woken, unit) }
	c.expectAll()
	for i := range c.units * c.each {
		c.feed(c.object(i, 1))
	}
	rv := 1
	b.ReportAllocs()
	for b.Loop() {
		rv++
		woken = woken[:0]
		for n := range 100 {
			c.feed(c.object(n*c.each, rv, func(o *metav1.PartialObjectMetadata) {
				o.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1(`{"f:spec":{"f:selector":{}}}`)
				o.ManagedFields = append(o.ManagedFields, metav1.ManagedFieldsEntry{
					Manager: "kubectl-edit", Operation: "Update", APIVersion: "apps/v1", FieldsType: "FieldsV1",
					FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`),
				})
			}))
		}
		if len(woken) != 100 {
			b.Fatalf("%d units were woken", len(woken))
		}
		for _, unit := range woken {
			if j := c.Judge(unit); len(j.Objects) != 1 {
				b.Fatalf("got %+v", j)
			}
		}
	}
}
