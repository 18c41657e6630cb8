package diagnose_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/capstan-gitops/capstan/pkg/delivery/diagnose"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// cluster answers from memory as an API server would, and writes down what it
// was asked.
type cluster struct {
	t        *testing.T
	objects  []*unstructured.Unstructured
	requests []string
	// refuse is the answer to lists of a kind.
	refuse map[string]error
}

func newCluster(t *testing.T) *cluster { return &cluster{t: t, refuse: map[string]error{}} }

func (c *cluster) add(obj runtime.Object, apiVersion, kind string) *unstructured.Unstructured {
	c.t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		c.t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetUID(types.UID(kind + "/" + u.GetName()))
	c.objects = append(c.objects, u)
	return u
}

func (c *cluster) explainer() diagnose.Explainer {
	return diagnose.Explainer{Read: c.read, List: c.list}
}

func (c *cluster) read(ctx context.Context, id inventory.ID, version string) (*unstructured.Unstructured, error) {
	c.requests = append(c.requests, fmt.Sprintf("get %s %s", version, id.Subject()))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, obj := range c.objects {
		if inventory.IDOf(obj) == id {
			return obj, nil
		}
	}
	return nil, nil
}

func (c *cluster) list(_ context.Context, gvk schema.GroupVersionKind, namespace, selector string, limit int64) (*unstructured.UnstructuredList, error) {
	c.requests = append(c.requests, fmt.Sprintf("list %s in %s with %q up to %d", gvk.Kind, namespace, selector, limit))
	if err := c.refuse[gvk.Kind]; err != nil {
		return nil, err
	}
	wanted, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	list := &unstructured.UnstructuredList{}
	for _, obj := range c.objects {
		if obj.GroupVersionKind() == gvk && obj.GetNamespace() == namespace && wanted.Matches(labels.Set(obj.GetLabels())) {
			list.Items = append(list.Items, *obj)
		}
	}
	return list, nil
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: "shop", Labels: map[string]string{"app": name}}
}

func selector(name string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}
}

func id(group, kind, name string) inventory.ID {
	return inventory.ID{Namespace: "shop", Name: name, Group: group, Kind: kind}
}

// crashing adds a pod of an app that crashes with an exit code.
func (c *cluster) crashing(name, app string, code int32, owner *unstructured.Unstructured) {
	p := &corev1.Pod{ObjectMeta: meta(app), Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}}}
	p.Name = name
	if owner != nil {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: owner.GetKind(), Name: owner.GetName(), UID: owner.GetUID(), Controller: ptr.To(true)}}
	}
	state := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", State: state}}
	c.add(p, "v1", "Pod")
}

func crashed(code int) string { return fmt.Sprintf(`container "app" exited with code %d`, code) }

func TestExplain(t *testing.T) {
	three := ptr.To[int32](3)
	cases := map[string]struct {
		why      string
		given    func(c *cluster)
		id       inventory.ID
		want     string
		requests int
	}{
		"Deployment": {"one read and one list", func(c *cluster) {
			c.add(&appsv1.Deployment{ObjectMeta: meta("web"), Spec: appsv1.DeploymentSpec{Replicas: three, Selector: selector("web")}}, "apps/v1", "Deployment")
			c.crashing("web-1", "web", 2, nil)
			c.crashing("api-1", "api", 1, nil)
		}, id("apps", "Deployment", "web"), crashed(2), 2},
		"Refused": {"whose pods are not made needs no list", func(c *cluster) {
			c.add(&appsv1.Deployment{ObjectMeta: meta("web"), Spec: appsv1.DeploymentSpec{Selector: selector("web")}, Status: appsv1.DeploymentStatus{
				Conditions: []appsv1.DeploymentCondition{{Type: "ReplicaFailure", Status: "True", Message: `pods "web-x" is forbidden: exceeded quota: q`}},
			}}, "apps/v1", "Deployment")
		}, id("apps", "Deployment", "web"), "its pods cannot be created: exceeded quota: q", 1},
		"Owner": {"pods that a selector finds may be another's", func(c *cluster) {
			set := c.add(&appsv1.StatefulSet{ObjectMeta: meta("db"), Spec: appsv1.StatefulSetSpec{Replicas: three, Selector: selector("db")}}, "apps/v1", "StatefulSet")
			c.crashing("db-0", "db", 7, set)
			c.crashing("db-other", "db", 1, nil)
		}, id("apps", "StatefulSet", "db"), crashed(7), 2},
		"DaemonSet": {"a kind like the others", func(c *cluster) {
			set := c.add(&appsv1.DaemonSet{ObjectMeta: meta("agent"), Spec: appsv1.DaemonSetSpec{Selector: selector("agent")}}, "apps/v1", "DaemonSet")
			c.crashing("agent-0", "agent", 7, set)
		}, id("apps", "DaemonSet", "agent"), crashed(7), 2},
		"Job": {"a migration", func(c *cluster) {
			job := c.add(&batchv1.Job{ObjectMeta: meta("migrate"), Spec: batchv1.JobSpec{Selector: selector("migrate")}, Status: batchv1.JobStatus{
				Conditions: []batchv1.JobCondition{{Type: "Failed", Status: "True", Reason: "BackoffLimitExceeded"}},
			}}, "batch/v1", "Job")
			c.crashing("migrate-1", "migrate", 3, job)
		}, id("batch", "Job", "migrate"), "the Job has failed: its retries are used up (BackoffLimitExceeded): " + crashed(3), 2},
		"CronJob": {"the Job it made last", func(c *cluster) {
			cron := c.add(&batchv1.CronJob{ObjectMeta: meta("backup")}, "batch/v1", "CronJob")
			for i, name := range []string{"backup-2", "backup-1", "other"} {
				job := &batchv1.Job{ObjectMeta: meta(name), Spec: batchv1.JobSpec{Selector: selector(name)}}
				job.CreationTimestamp = metav1.Unix(int64(1000-i), 0)
				if name != "other" {
					job.OwnerReferences = []metav1.OwnerReference{{UID: cron.GetUID(), Controller: ptr.To(true)}}
				} else {
					job.CreationTimestamp = metav1.Unix(9000, 0)
				}
				c.crashing(name+"-x", name, int32(i+1), c.add(job, "batch/v1", "Job"))
			}
		}, id("batch", "CronJob", "backup"), "its last run: " + crashed(1), 3},
		"Pod": {"is its own cause", func(c *cluster) { c.crashing("one", "one", 4, nil) }, id("", "Pod", "one"), crashed(4), 1},
		"Claim": {"so is a claim", func(c *cluster) {
			c.add(&corev1.PersistentVolumeClaim{ObjectMeta: meta("data"), Status: corev1.PersistentVolumeClaimStatus{Phase: "Pending"}}, "v1", "PersistentVolumeClaim")
		}, id("", "PersistentVolumeClaim", "data"), "the claim is not bound to a volume of the default storage class", 1},
		"EverythingSelector": {"an empty selector would show the pods of others", func(c *cluster) {
			c.add(&appsv1.Deployment{ObjectMeta: meta("web"), Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{}}}, "apps/v1", "Deployment")
			c.crashing("api-1", "api", 1, nil)
		}, id("apps", "Deployment", "web"), "", 1},
		"Forbidden": {"without the right to see pods there is no cause", func(c *cluster) {
			c.add(&appsv1.Deployment{ObjectMeta: meta("web"), Spec: appsv1.DeploymentSpec{Replicas: three, Selector: selector("web")}}, "apps/v1", "Deployment")
			c.refuse["Pod"] = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("hunter2"))
		}, id("apps", "Deployment", "web"), "", 2},
		"ForbiddenJob": {"but for what the object says itself", func(c *cluster) {
			c.add(&batchv1.Job{ObjectMeta: meta("migrate"), Spec: batchv1.JobSpec{Selector: selector("migrate")}, Status: batchv1.JobStatus{
				Conditions: []batchv1.JobCondition{{Type: "Failed", Status: "True", Reason: "DeadlineExceeded"}},
			}}, "batch/v1", "Job")
			c.refuse["Pod"] = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", nil)
		}, id("batch", "Job", "migrate"), "the Job has failed: it ran longer than its deadline allows (DeadlineExceeded)", 2},
		"Gone":   {"an object that is not there has no pods", func(*cluster) {}, id("apps", "Deployment", "web"), "", 1},
		"Other":  {"a kind that is no workload costs nothing", func(*cluster) {}, id("kustomize.toolkit.fluxcd.io", "Kustomization", "web"), "", 0},
		"Custom": {"nor does one of that name in another group", func(*cluster) {}, id("example.org", "Deployment", "web"), "", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			seen := newCluster(t)
			c.given(seen)
			want := map[inventory.ID]string{}
			if c.want != "" {
				want[c.id] = c.want
			}
			if diff := cmp.Diff(want, seen.explainer().Explain(t.Context(), []inventory.ID{c.id})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
			if len(seen.requests) != c.requests {
				t.Errorf("%s: it asked %d times: %q", c.why, len(seen.requests), seen.requests)
			}
		})
	}
}

func TestExplainIsBounded(t *testing.T) {
	seen := newCluster(t)
	ids := []inventory.ID{id("", "Pod", "p5"), id("", "ConfigMap", "a")}
	for i := range 20 {
		name := fmt.Sprintf("p%d", i)
		seen.crashing(name, name, 1, nil)
		ids = append(ids, id("", "Pod", name))
	}
	first := seen.explainer().Explain(t.Context(), ids)
	var names []string
	for _, n := range []string{"p0", "p1", "p10", "p11", "p12"} {
		if first[id("", "Pod", n)] != "" {
			names = append(names, n)
		}
	}
	if len(first) != 5 || len(names) != 5 || len(seen.requests) != 5 {
		t.Errorf("got %v with %q", first, seen.requests)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := seen.explainer().Explain(ctx, ids); len(got) != 0 {
		t.Errorf("after the end: %v", got)
	}
}

func TestListIsBounded(t *testing.T) {
	seen := newCluster(t)
	seen.add(&appsv1.Deployment{ObjectMeta: meta("web"), Spec: appsv1.DeploymentSpec{Selector: selector("web")}}, "apps/v1", "Deployment")
	seen.explainer().Explain(t.Context(), []inventory.ID{id("apps", "Deployment", "web")})
	want := []string{"get v1 Deployment/shop/web", `list Pod in shop with "app=web" up to 50`}
	if diff := cmp.Diff(want, seen.requests); diff != "" {
		t.Error(diff)
	}
}

func TestMessage(t *testing.T) {
	causes := map[inventory.ID]string{id("", "Pod", "b"): "it is lost", id("", "Pod", "a"): "it crashes"}
	if got, want := diagnose.Message("timeout waiting for: [..]", causes), "timeout waiting for: [..]: Pod/shop/a: it crashes; Pod/shop/b: it is lost"; got != want {
		t.Errorf("got %q", got)
	}
	if got := diagnose.Message("failed", nil); got != "failed" {
		t.Errorf("got %q", got)
	}
	many := map[inventory.ID]string{}
	for i := range 5 {
		many[id("", "Pod", fmt.Sprint(i))] = strings.Repeat("x", 300)
	}
	if got := diagnose.Message("failed", many); len(got) > 1024 || !strings.Contains(got, "Pod/shop/2: ") {
		t.Errorf("%d bytes", len(got))
	}
}
