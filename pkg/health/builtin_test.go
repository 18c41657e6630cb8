package health_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

// Parts of manifests.
const (
	labels   = "selector: {matchLabels: {app: NAME}}, "
	template = "template: {metadata: {labels: {app: NAME}}, spec: {containers: [{name: a, image: 'example.com/a:TAG'}]}}"
	once     = "template: {spec: {restartPolicy: Never, containers: [{name: a, image: 'example.com/a:TAG'}]}}"
)

// builtin is an object of a built-in kind, and what it comes to.
type builtin struct {
	why      string
	manifest string
	// change is a second version that is applied once the first has come to what is wanted.
	change string
	want   health.Status
	// stays says that it is judged so from the beginning, and still when the controllers
	// have done what they do.
	stays bool
}

// builtins are the built-in kinds that have a status, with their update strategies,
// paused, suspended, without replicas and with a time to live.
func builtins() map[string]builtin {
	apps := func(kind, spec string) string {
		return "apiVersion: apps/v1\nkind: " + kind + "\nmetadata: {name: NAME}\nspec: {" + spec + "}\n"
	}
	batch := func(kind, spec string) string {
		return "apiVersion: batch/v1\nkind: " + kind + "\nmetadata: {name: NAME}\nspec: {" + spec + "}\n"
	}
	core := func(kind, spec string) string {
		return "apiVersion: v1\nkind: " + kind + "\nmetadata: {name: NAME}\nspec: {" + spec + "}\n"
	}
	tag := func(manifest, tag string) string { return strings.ReplaceAll(manifest, "TAG", tag) }
	deployment := apps("Deployment", "replicas: 2, "+labels+template)
	recreate := apps("Deployment", "strategy: {type: Recreate}, replicas: 2, "+labels+template)
	paused := apps("Deployment", "paused: true, replicas: 1, "+labels+template)
	set := func(strategy string) string {
		return apps("StatefulSet", "serviceName: s, replicas: 2, updateStrategy: "+strategy+", "+labels+template)
	}
	daemon := func(strategy string) string {
		return apps("DaemonSet", "updateStrategy: "+strategy+", "+labels+template)
	}
	cron := func(suspend bool) string {
		return batch("CronJob", fmt.Sprintf("schedule: '0 0 1 1 *', suspend: %t, jobTemplate: {spec: {%s}}", suspend, tag(once, "1")))
	}
	claim := func(class string) string {
		return core("PersistentVolumeClaim", "storageClassName: "+class+", accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}")
	}
	return map[string]builtin{
		"Deployment":                {"all pods are of the new template and ready", tag(deployment, "1"), tag(deployment, "2"), health.Current, false},
		"DeploymentRecreate":        {"the same by the other strategy", tag(recreate, "1"), tag(recreate, "2"), health.Current, false},
		"DeploymentNone":            {"no replicas are what was asked for", tag(apps("Deployment", "replicas: 0, "+labels+template), "1"), "", health.Current, false},
		"DeploymentNotReady":        {"a pod is not ready", tag(deployment, "never-ready"), "", health.InProgress, true},
		"DeploymentPaused":          {"nothing rolls out while it is paused", tag(paused, "1"), "", health.InProgress, true},
		"ReplicaSet":                {"its pods are ready", tag(apps("ReplicaSet", "replicas: 2, "+labels+template), "1"), "", health.Current, false},
		"ReplicaSetNotReady":        {"a pod is not ready", tag(apps("ReplicaSet", "replicas: 1, "+labels+template), "never-ready"), "", health.InProgress, true},
		"ReplicationController":     {"its pods are ready", tag(core("ReplicationController", "replicas: 2, "+template), "1"), "", health.Current, false},
		"ReplicationNotReady":       {"a pod is not ready", tag(core("ReplicationController", "replicas: 1, "+template), "never-ready"), "", health.InProgress, true},
		"StatefulSet":               {"all pods are of the new template and ready", tag(set("{type: RollingUpdate}"), "1"), tag(set("{type: RollingUpdate}"), "2"), health.Current, false},
		"StatefulSetPartition":      {"the pods above the partition are", tag(set("{type: RollingUpdate, rollingUpdate: {partition: 1}}"), "1"), tag(set("{type: RollingUpdate, rollingUpdate: {partition: 1}}"), "2"), health.Current, false},
		"StatefulSetOnDelete":       {"who deletes the pods decides when they are new", tag(set("{type: OnDelete}"), "1"), tag(set("{type: OnDelete}"), "2"), health.Current, false},
		"StatefulSetNone":           {"no replicas are what was asked for", tag(apps("StatefulSet", "serviceName: s, replicas: 0, "+labels+template), "1"), "", health.Current, false},
		"DaemonSet":                 {"all pods are of the new template and ready", tag(daemon("{type: RollingUpdate}"), "1"), tag(daemon("{type: RollingUpdate}"), "2"), health.Current, false},
		"DaemonSetOnDelete":         {"who deletes the pods decides when they are new", tag(daemon("{type: OnDelete}"), "1"), tag(daemon("{type: OnDelete}"), "2"), health.Current, false},
		"DaemonSetOnDeleteNotReady": {"its pods have to be ready all the same", tag(daemon("{type: OnDelete}"), "never-ready"), "", health.InProgress, true},
		"DaemonSetNowhere":          {"no node wants it", tag(strings.Replace(daemon("{type: RollingUpdate}"), "spec: {containers", "spec: {nodeSelector: {no: such}, containers", 1), "1"), "", health.Current, false},
		"Job":                       {"it has completed", tag(batch("Job", once), "1"), "", health.Current, false},
		"JobFailed":                 {"it has failed", tag(batch("Job", "backoffLimit: 0, "+once), "fail"), "", health.Failed, true},
		"JobSuspended":              {"it is where its author wants it", tag(batch("Job", "suspend: true, "+once), "1"), "", health.Current, true},
		"JobWithTTL":                {"it is removed once it has completed", tag(batch("Job", "ttlSecondsAfterFinished: 0, "+once), "1"), "", health.NotFound, true},
		"CronJob":                   {"it is there; its Jobs are not its health", cron(false), "", health.Current, true},
		"CronJobSuspended":          {"the same when it is suspended", cron(true), "", health.Current, true},
		"Pod":                       {"it is ready", tag(core("Pod", "containers: [{name: a, image: 'example.com/a:TAG'}]"), "1"), "", health.Current, false},
		"PodDone":                   {"it has completed", tag(core("Pod", "restartPolicy: Never, containers: [{name: a, image: 'example.com/a:TAG'}]"), "1"), "", health.Current, false},
		"ClaimUnbound":              {"nobody provides a volume", claim("none"), "", health.InProgress, true},
		"Service":                   {"a service of the cluster is there at once", core("Service", "ports: [{port: 80}]"), "", health.Current, true},
		"LoadBalancer":              {"an address may come from elsewhere, or never", core("Service", "type: LoadBalancer, ports: [{port: 80}]"), "", health.Current, true},
		"PodDisruptionBudget":       {"its controller has looked at it", "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: NAME}\nspec: {minAvailable: 1, selector: {matchLabels: {app: none}}}\n", "", health.Current, false},
		"Namespace":                 {"it is active", "apiVersion: v1\nkind: Namespace\nmetadata: {name: NAME-judged}\n", "", health.Current, true},
		"ResourceQuota":             {"its controller has counted", core("ResourceQuota", "hard: {pods: 1000}"), "", health.Current, false},
		"Ingress":                   {"no controller says anything of it", "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: NAME}\nspec: {defaultBackend: {service: {name: s, port: {number: 80}}}}\n", "", health.Current, true},
		"Autoscaler":                {"what it scales is judged by itself", "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: NAME}\nspec: {maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: none}}\n", "", health.Current, true},
		"APIService":                {"nobody serves it", "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.NAME.example.com}\nspec: {group: NAME.example.com, version: v1, groupPriorityMinimum: 1, versionPriority: 1, service: {name: none, namespace: default}}\n", "", health.InProgress, true},
		"Definition": {
			"it is established", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: xs.NAME.example.com}\nspec: {group: NAME.example.com, scope: Cluster, names: {plural: xs, kind: X}, " +
				"versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}\n", "", health.Current, false,
		},
	}
}

// TestBuiltinKinds judges objects of the built-in kinds as the real controllers leave
// them: what is well is found so, also after a change, and what is not never is.
func TestBuiltinKinds(t *testing.T) {
	cluster, err := env.Start(t.Context(), env.NoCRDs(), env.Nodes())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	c, err := client.New(cluster.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace := env.Namespace(t, c)
	t.Run("All", func(t *testing.T) {
		for name, b := range builtins() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := kindOnTrial{Client: c, namespace: namespace, name: strings.ToLower(name)}
				k.becomes(t, b, b.manifest)
				if b.change != "" {
					k.becomes(t, b, b.change)
				}
			})
		}
	})
	for name, b := range builtins() { // by now others of the same kind were rolled out twice
		k := kindOnTrial{Client: c, namespace: namespace, name: strings.ToLower(name)}
		if got := k.judged(t, b.manifest); b.stays && got.Status != b.want {
			t.Errorf("%s: in the end got %+v, want %s", b.why, got, b.want)
		}
	}
}

// kindOnTrial is one object of the table.
type kindOnTrial struct {
	client.Client
	namespace, name string
}

// becomes applies a manifest and waits until the object is judged as it should be, from
// a state that its controller has seen.
func (k kindOnTrial) becomes(t *testing.T, b builtin, manifest string) {
	t.Helper()
	obj := k.object(t, manifest)
	if err := k.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(obj), client.FieldOwner("test"), client.ForceOwnership); err != nil {
		t.Fatal(err)
	}
	var got health.Assessment
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 90*time.Second, true, func(ctx context.Context) (bool, error) {
		live, err := k.read(ctx, obj)
		if err != nil {
			return false, err
		}
		got = health.Of(live)
		return got.Status == b.want && (live == nil || seen(live)), nil
	})
	if err != nil {
		t.Errorf("%s: got %+v, want %s", b.why, got, b.want)
	}
}

func (k kindOnTrial) object(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(manifest, "NAME", k.name)), &obj.Object); err != nil {
		t.Fatal(err)
	}
	obj.SetNamespace(k.namespace)
	return obj
}

// read returns the object as it is, or nil if it is gone.
func (k kindOnTrial) read(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	live := obj.DeepCopy()
	err := k.Get(ctx, client.ObjectKeyFromObject(obj), live)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return live, nil
}

func (k kindOnTrial) judged(t *testing.T, manifest string) health.Assessment {
	t.Helper()
	live, err := k.read(t.Context(), k.object(t, manifest))
	if err != nil {
		t.Fatal(err)
	}
	return health.Of(live)
}

// seen reports that the controller of the object has seen it as it is, if it says so.
func seen(obj *unstructured.Unstructured) bool {
	observed, ok, err := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
	return err != nil || !ok || observed == obj.GetGeneration()
}
