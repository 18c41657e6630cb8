package live_test

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/live"
	"github.com/capstan-gitops/capstan/pkg/live/internal/metafake"
	"github.com/capstan-gitops/capstan/pkg/live/ownership"
)

// A controller says what it applied, and is woken when somebody changes it.
func ExampleTable() {
	owner, err := ownership.New(ownership.Names{
		Manager: "example-controller", PolicyPrefix: "example.org/",
		NameLabel: "example.org/name", NamespaceLabel: "example.org/namespace",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The API server: it has an object as the controller applied it.
	kind := schema.GroupKind{Kind: "ConfigMap"}
	resource := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	server := metafake.New()
	settings := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "settings", Generation: 1,
		ManagedFields: []metav1.ManagedFieldsEntry{{
			Manager: "example-controller", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1",
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:color":{}}}`),
		}},
	}}
	unit := live.Unit{Namespace: "flux-system", Name: "shop"}
	owner.Label(settings, unit)
	server.Put(resource, settings)

	woken := make(chan live.Cause, 10)
	table, err := live.New(live.Options{
		Metadata: server, Mapper: metafake.Mapper([]schema.GroupKind{kind}, nil), Owner: owner, Log: logr.Discard(),
		Wake: func(_ live.Unit, cause live.Cause) { woken <- cause },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// What the controller recorded: the fingerprint of the answer to its apply.
	settings.UID = "uid-1"
	id := inventory.ID{Namespace: "shop", Name: "settings", Kind: "ConfigMap"}
	table.Expect(unit, inventory.Of(inventory.Entry{ID: id, Version: "v1", Record: inventory.Record{
		Desired: inventory.Key("secret").Desired([]byte("color: red")), Live: owner.Fingerprint(settings),
	}}))
	fmt.Println("synced:", table.Judge(unit).Synced)

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- table.Start(ctx) }()
	fmt.Println(<-woken)
	fmt.Println("clean:", table.Judge(unit).Clean())

	// Somebody takes the field over.
	settings.Generation++
	settings.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1",
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:color":{}}}`),
	}}
	server.Put(resource, settings)
	fmt.Println(<-woken)
	found := table.Judge(unit).Objects[id]
	fmt.Println(found.State, "by", found.By)

	cancel()
	if err := <-ended; err != nil {
		fmt.Println(err)
	}
	// Output:
	// synced: false
	// Synced
	// clean: true
	// Dirty
	// Dirty by kubectl-edit (.data.color)
}
