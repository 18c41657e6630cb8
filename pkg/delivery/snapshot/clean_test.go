package snapshot_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/delivery/snapshot"
)

type fields = map[string]any

func object(apiVersion, kind string, content fields) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: fields{"apiVersion": apiVersion, "kind": kind}}
	for key, value := range content {
		obj.Object[key] = value
	}
	return obj
}

func TestClean(t *testing.T) {
	template := func(labels fields) fields {
		metadata := fields{"name": "x"}
		if labels != nil {
			metadata["labels"] = labels
		}
		return fields{"template": fields{"metadata": metadata}}
	}
	cases := map[string]struct {
		why       string
		obj, want *unstructured.Unstructured
	}{
		"Server": {
			"what the server wrote is refused or wrong in a new object",
			object("v1", "ConfigMap", fields{"data": fields{"a": "b"}, "status": fields{"x": "y"}, "metadata": fields{
				"name": "c", "namespace": "n", "labels": fields{"l": "v"}, "annotations": fields{"a": "v"}, "uid": "u", "resourceVersion": "1",
				"creationTimestamp": "2026-01-01T00:00:00Z", "generation": int64(1), "managedFields": []any{fields{}}, "selfLink": "/",
				"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": int64(0),
				"ownerReferences": []any{fields{"uid": "gone"}},
			}}),
			object("v1", "ConfigMap", fields{"data": fields{"a": "b"}, "metadata": fields{
				"name": "c", "namespace": "n", "labels": fields{"l": "v"}, "annotations": fields{"a": "v"},
			}}),
		},
		"Finalizers": {
			"those of controllers stay, those that say how to delete do not",
			object("v1", "ConfigMap", fields{"metadata": fields{"finalizers": []any{"foregroundDeletion", "example.com/x"}}}),
			object("v1", "ConfigMap", fields{"metadata": fields{"finalizers": []any{"example.com/x"}}}),
		},
		"OnlyFinalizer": {
			"none is left",
			object("v1", "ConfigMap", fields{"metadata": fields{"finalizers": []any{"orphan"}}}),
			object("v1", "ConfigMap", fields{"metadata": fields{}}),
		},
		"Job": {
			"a Job selects its Pods by a UID it will not have again",
			object("batch/v1", "Job", fields{
				"metadata": fields{"labels": fields{"controller-uid": "u", "app": "x"}},
				"spec": fields{
					"selector": fields{"matchLabels": fields{"controller-uid": "u"}},
					"template": template(fields{"batch.kubernetes.io/controller-uid": "u", "job-name": "x"})["template"],
				},
			}),
			object("batch/v1", "Job", fields{"metadata": fields{"labels": fields{"app": "x"}}, "spec": template(nil)}),
		},
		"ManualJob": {
			"one with a manual selector keeps it",
			object("batch/v1", "Job", fields{"metadata": fields{}, "spec": fields{"manualSelector": true, "selector": fields{"matchLabels": fields{"a": "b"}}}}),
			object("batch/v1", "Job", fields{"metadata": fields{}, "spec": fields{"manualSelector": true, "selector": fields{"matchLabels": fields{"a": "b"}}}}),
		},
		"Claim": {
			"a claim is bound anew, to the same volume if it is there",
			object("v1", "PersistentVolumeClaim", fields{
				"metadata": fields{"annotations": fields{"pv.kubernetes.io/bind-completed": "yes"}}, "spec": fields{"volumeName": "pv"},
			}),
			object("v1", "PersistentVolumeClaim", fields{"metadata": fields{}, "spec": fields{"volumeName": "pv"}}),
		},
		"Odd": {
			"an object that is not what it should be is kept as it is",
			object("batch/v1", "Job", fields{"metadata": fields{"labels": "none"}, "spec": "none"}),
			object("batch/v1", "Job", fields{"metadata": fields{"labels": "none"}, "spec": "none"}),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := tc.obj.DeepCopy()
			if diff := cmp.Diff(tc.want.Object, snapshot.Clean(tc.obj).Object); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(before.Object, tc.obj.Object); diff != "" {
				t.Errorf("the live object was changed:\n%s", diff)
			}
		})
	}
}
