package cause_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/capstan-gitops/capstan/pkg/health/cause"
)

// untyped is an object as it is read from the cluster.
func untyped(t *testing.T, obj runtime.Object, apiVersion, kind string) *unstructured.Unstructured {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	return u
}

// pod is one with a container app that is asked to be ready, and an init
// container migrate; every variable and argument in it is a secret.
func pod(change ...func(*corev1.Pod)) *corev1.Pod {
	secret := corev1.Container{
		Args: []string{"--token=hunter2"}, Command: []string{"hunter2"},
		Env: []corev1.EnvVar{{Name: "PASSWORD", Value: "hunter2"}},
	}
	app, migrate := secret, secret
	app.Name, migrate.Name = "app", "migrate"
	app.ReadinessProbe = &corev1.Probe{}
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web-6d4b75cb6d-x7k2p", Namespace: "shop", CreationTimestamp: metav1.Unix(1000, 0)},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{app}, InitContainers: []corev1.Container{migrate}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func status(name string, change ...func(*corev1.ContainerStatus)) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		s := corev1.ContainerStatus{Name: name, Image: "registry.example/shop:v2"}
		for _, c := range change {
			c(&s)
		}
		if name == "migrate" {
			p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, s)
			return
		}
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, s)
	}
}

func waiting(reason, message string) func(*corev1.ContainerStatus) {
	return func(s *corev1.ContainerStatus) {
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: message}
	}
}

func running(s *corev1.ContainerStatus) { s.State.Running = &corev1.ContainerStateRunning{} }

func ended(code int32, reason string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: "hunter2"}}
}

func now(state corev1.ContainerState) func(*corev1.ContainerStatus) {
	return func(s *corev1.ContainerStatus) { s.State = state }
}

func before(state corev1.ContainerState, restarts int32) func(*corev1.ContainerStatus) {
	return func(s *corev1.ContainerStatus) { s.LastTerminationState, s.RestartCount = state, restarts }
}

func podCondition(kind corev1.PodConditionType, status corev1.ConditionStatus, reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: kind, Status: status, Reason: reason, Message: message})
	}
}

func phase(phase corev1.PodPhase, reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.Phase, p.Status.Reason, p.Status.Message = phase, reason, message }
}

func image(reason, message string) func(*corev1.Pod) { return status("app", waiting(reason, message)) }

func TestCauseOfAPod(t *testing.T) {
	const pulled = `container "app": image "registry.example/shop:v2" cannot be pulled`
	const shortage = "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: true}, 2 Insufficient cpu. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
	const unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/1 nodes are available."
	cases := map[string]struct {
		why  string
		pod  *corev1.Pod
		want string
	}{
		"ImageMissing":      {"the registry does not have it", pod(image("ErrImagePull", "rpc error: manifest unknown: manifest unknown")), pulled + ": it is not in the registry"},
		"ImageBackOff":      {"the state between two tries reads the same", pod(image("ImagePullBackOff", `Back-off pulling image "registry.example/shop:v2": ErrImagePull: manifest unknown`)), pulled + ": it is not in the registry"},
		"ImageBackOffPlain": {"older kubelets do not say why", pod(image("ImagePullBackOff", `Back-off pulling image "registry.example/shop:v2"`)), pulled},
		"ImageDenied":       {"credentials are missing", pod(image("ErrImagePull", "pull access denied, repository does not exist or may require authorization")), pulled + ": the registry refuses access"},
		"ImageRegistry":     {"the registry does not answer", pod(image("ErrImagePull", "dial tcp: lookup registry.example on 10.0.0.10:53: no such host")), pulled + ": the registry cannot be reached"},
		"ImageNever":        {"it may not be pulled", pod(image("ErrImageNeverPull", "")), pulled + ": it is not on the node, and its pull policy is Never"},
		"ImageName":         {"a name that is none", pod(status("app", func(s *corev1.ContainerStatus) { s.Image = "Shop:V 2" }, waiting("InvalidImageName", ""))), `container "app": "Shop:V 2" is not a valid name of an image`},
		"InitImage":         {"an init container is named as one", pod(status("migrate", waiting("ErrImagePull", "not found"))), "init " + pulled[:len(`container "`)] + `migrate": image "registry.example/shop:v2" cannot be pulled: it is not in the registry`},
		"MissingSecret":     {"the Secret by its name", pod(image("CreateContainerConfigError", `secret "db" not found`)), `container "app" cannot be created: the Secret "db" does not exist`},
		"MissingConfigMap":  {"the ConfigMap by its name", pod(image("CreateContainerConfigError", `configmap "db" not found`)), `container "app" cannot be created: the ConfigMap "db" does not exist`},
		"MissingKey":        {"the key by its name", pod(image("CreateContainerConfigError", `couldn't find key password in Secret shop/db`)), `container "app" cannot be created: the Secret "db" has no key "password"`},
		"RunsAsRoot":        {"the message names pod and container", pod(image("CreateContainerConfigError", `container has runAsNonRoot and image will run as root (pod: "web-6d4b75cb6d-x7k2p_shop(1)", container: app)`)), `container "app" cannot be created: its image runs as root, which runAsNonRoot forbids`},
		"OtherConfig":       {"what is not known is not quoted", pod(image("CreateContainerConfigError", "hunter2")), `container "app" cannot be created: its configuration is not valid (CreateContainerConfigError)`},
		"CannotStart":       {"the command is not quoted", pod(image("RunContainerError", `exec: "hunter2": not found in $PATH`)), `container "app" cannot be started (RunContainerError)`},
		"StartError":        {"nor while it backs off", pod(status("app", waiting("CrashLoopBackOff", "back-off 5m0s"), before(ended(128, "StartError"), 4))), `container "app" cannot be started (StartError)`},
		"Hook":              {"a lifecycle hook", pod(image("PostStartHookError", "Exec lifecycle hook (hunter2) failed")), `container "app": its postStart hook fails`},
		"CrashLoop":         {"exit code and restarts", pod(status("app", waiting("CrashLoopBackOff", "back-off 20s restarting failed container"), before(ended(2, "Error"), 4))), `container "app" exited with code 2, restarted 3 times or more`},
		"CrashEnded":        {"the moment of the crash reads the same", pod(status("app", now(ended(2, "Error")), before(ended(2, "Error"), 5))), `container "app" exited with code 2, restarted 3 times or more`},
		"CrashRunning":      {"and that between two crashes", pod(status("app", running, before(ended(2, "Error"), 9))), `container "app" exited with code 2, restarted 3 times or more`},
		"OOMKilled":         {"memory", pod(status("app", waiting("CrashLoopBackOff", ""), before(ended(137, "OOMKilled"), 12))), `container "app" was killed for using more memory than it may (OOMKilled), restarted 10 times or more`},
		"EndsWell":          {"a server that ends", pod(status("app", waiting("CrashLoopBackOff", ""), before(ended(0, "Completed"), 1))), `container "app" ends with exit code 0, although it should go on`},
		"InitFails":         {"an init container", pod(status("migrate", waiting("CrashLoopBackOff", ""), before(ended(1, "Error"), 2)), image("PodInitializing", "")), `init container "migrate" exited with code 1`},
		"InitRuns":          {"an init container that works is no cause", pod(status("migrate", running), image("PodInitializing", "")), ""},
		"Creating":          {"nor is an ordinary start", pod(image("ContainerCreating", "")), ""},
		"Volumes":           {"unless the pod itself is not prepared", pod(image("ContainerCreating", ""), podCondition("PodReadyToStartContainers", "False", "", "")), "the pod waits for its volumes or its network"},
		"Probe":             {"it runs, but is not ready", pod(status("app", running)), `container "app" runs, but its readiness probe fails`},
		"StartupProbe": {"it has not started up", pod(func(p *corev1.Pod) { p.Spec.Containers[0].StartupProbe = &corev1.Probe{} },
			status("app", running, func(s *corev1.ContainerStatus) { s.Started = new(bool) })), `container "app" runs, but its startup probe has not succeeded`},
		"Gate":     {"a load balancer has not taken it", pod(status("app", running, func(s *corev1.ContainerStatus) { s.Ready = true }), podCondition("Ready", "False", "ReadinessGatesNotReady", "")), "its containers are ready, but a readiness gate of the pod is not"},
		"Capacity": {"without what preemption would do", pod(podCondition("PodScheduled", "False", "Unschedulable", shortage)), "the pod cannot be scheduled: 0/3 nodes are available: 1 node(s) had untolerated taint {gpu: true}, 2 Insufficient cpu"},
		"Unbound": {"the claims are named", pod(func(p *corev1.Pod) {
			for _, name := range []string{"db", "cache"} {
				v := corev1.Volume{Name: name}
				v.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}
				p.Spec.Volumes = append(p.Spec.Volumes, v)
			}
		}, podCondition("PodScheduled", "False", "Unschedulable", unbound)), "the pod cannot be scheduled: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims (claims: cache, db)"},
		"Gated":       {"somebody holds it back", pod(podCondition("PodScheduled", "False", "SchedulingGated", "")), "the pod waits for its scheduling gates to be removed"},
		"NodeLost":    {"the node is named", pod(phase(corev1.PodRunning, "NodeLost", "Node node-1 which was running pod web-6d4b75cb6d-x7k2p is unresponsive")), `its node "node-1" is lost`},
		"Tainted":     {"as newer versions say it", pod(podCondition("DisruptionTarget", "True", "DeletionByTaintManager", ""), func(p *corev1.Pod) { deleted := metav1.Unix(2000, 0); p.DeletionTimestamp = &deleted }), `its node "node-1" is lost`},
		"Evicted":     {"without the numbers", pod(phase(corev1.PodFailed, "Evicted", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 71432Ki. Container app was using 12Mi")), "the pod was evicted: the node was low on memory"},
		"Preempted":   {"by another", pod(phase(corev1.PodFailed, "Preempting", "")), "the pod was preempted by one of higher priority"},
		"Deadline":    {"of the pod", pod(phase(corev1.PodFailed, "DeadlineExceeded", "")), "the pod ran longer than its deadline allows"},
		"Ready":       {"a pod that is well has no cause, whatever it went through", pod(status("app", running, before(ended(1, "Error"), 3), func(s *corev1.ContainerStatus) { s.Ready = true }), podCondition("Ready", "True", "", "")), ""},
		"Succeeded":   {"nor has one that is done", pod(phase(corev1.PodSucceeded, "", "")), ""},
		"ByItselfBad": {"a failed pod is explained by its container", pod(phase(corev1.PodFailed, "", ""), status("app", now(ended(3, "Error")))), `container "app" exited with code 3`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := cause.Of(untyped(t, c.pod, "v1", "Pod"), nil)
			if got != c.want {
				t.Errorf("%s: got\n%s\nwant\n%s", c.why, got, c.want)
			}
			if strings.Contains(got, "hunter2") || strings.Contains(got, "x7k2p") {
				t.Errorf("it says what it must not: %s", got)
			}
		})
	}
}

func labelled(labels map[string]string, at int64) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels, p.CreationTimestamp = labels, metav1.Unix(at, 0) }
}

func TestCauseOfAWorkload(t *testing.T) {
	hash := func(h string, at int64) func(*corev1.Pod) {
		return labelled(map[string]string{"pod-template-hash": h}, at)
	}
	revision := func(h string, at int64) func(*corev1.Pod) {
		return labelled(map[string]string{"controller-revision-hash": h}, at)
	}
	crashing := status("app", now(ended(2, "Error")))
	missing := image("ErrImagePull", "not found")
	const crashed, unpulled = `container "app" exited with code 2`, `container "app": image "registry.example/shop:v2" cannot be pulled: it is not in the registry`
	three := int32(3)
	deployment := func(conditions ...appsv1.DeploymentCondition) *unstructured.Unstructured {
		return untyped(t, &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: &three}, Status: appsv1.DeploymentStatus{Conditions: conditions}}, "apps/v1", "Deployment")
	}
	refused := func(message string) *unstructured.Unstructured {
		return deployment(appsv1.DeploymentCondition{Type: "ReplicaFailure", Status: "True", Reason: "FailedCreate", Message: message})
	}
	job := func(reason string) *unstructured.Unstructured {
		return untyped(t, &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: "Failed", Status: "True", Reason: reason, Message: "Job has reached it"}}}}, "batch/v1", "Job")
	}
	claim := func(phase corev1.PersistentVolumeClaimPhase, class *string) *unstructured.Unstructured {
		return untyped(t, &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: class}, Status: corev1.PersistentVolumeClaimStatus{Phase: phase}}, "v1", "PersistentVolumeClaim")
	}
	stateful := func(update string) *unstructured.Unstructured {
		return untyped(t, &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: &three}, Status: appsv1.StatefulSetStatus{UpdateRevision: update}}, "apps/v1", "StatefulSet")
	}
	paused := untyped(t, &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: &three, Paused: true}}, "apps/v1", "Deployment")
	fast := "fast"
	cases := map[string]struct {
		why  string
		obj  *unstructured.Unstructured
		pods []*corev1.Pod
		want string
	}{
		"Paused":        {"nobody looks for events that there are not", paused, nil, "it is paused (spec.paused)"},
		"PausedAndSick": {"what its pods say is more than that", paused, []*corev1.Pod{pod(crashing)}, crashed},
		"Quota":         {"the name of the pod is made up", refused(`pods "web-6d4b75cb6d-x7k2p" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=10, limited: pods=10`), nil, "its pods cannot be created: exceeded quota: compute, requested: pods=1, used: pods=10, limited: pods=10"},
		"PodSecurity":   {"a namespace that is restricted", refused(`pods "web-6d4b75cb6d-x7k2p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false)`), nil, `its pods cannot be created: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false)`},
		"Webhook":       {"an admission webhook", refused(`admission webhook "policy.example" denied the request: pod "web-6d4b75cb6d-x7k2p" has no owner`), nil, `its pods cannot be created: admission webhook "policy.example" denied the request: pod has no owner`},
		"RefusedFirst":  {"what keeps new pods away comes first", refused("exceeded quota: q"), []*corev1.Pod{pod(crashing)}, "its pods cannot be created: exceeded quota: q"},
		"Gravest":       {"of several causes the one that needs a human", deployment(), []*corev1.Pod{pod(crashing), pod(missing)}, unpulled},
		"NewRevision":   {"the pods that are rolled out are asked first", deployment(), []*corev1.Pod{pod(hash("old", 1), missing), pod(hash("new", 2), crashing)}, crashed},
		"OldRevision":   {"the others, when those are well", deployment(), []*corev1.Pod{pod(hash("old", 1), missing), pod(hash("new", 2), podCondition("Ready", "True", "", ""))}, unpulled},
		"UpdateRev":     {"a StatefulSet says which one is rolled out, and may go back", stateful("a"), []*corev1.Pod{pod(revision("a", 1), crashing), pod(revision("b", 2), missing)}, crashed},
		"NoProgress":    {"when nothing else is known", deployment(appsv1.DeploymentCondition{Type: "Progressing", Status: "False", Reason: "ProgressDeadlineExceeded"}), []*corev1.Pod{pod(image("ContainerCreating", ""))}, "it has made no progress within its progress deadline"},
		"NoPods":        {"a StatefulSet does not say why", stateful("a"), nil, "none of its pods has been created; its events say why"},
		"DaemonSet":     {"nor does a DaemonSet", untyped(t, &appsv1.DaemonSet{Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: 2}}, "apps/v1", "DaemonSet"), nil, "none of its pods has been created; its events say why"},
		"JobBackoff":    {"with what its pods say", job("BackoffLimitExceeded"), []*corev1.Pod{pod(crashing)}, "the Job has failed: its retries are used up (BackoffLimitExceeded): " + crashed},
		"JobDeadline":   {"its pods are gone", job("DeadlineExceeded"), nil, "the Job has failed: it ran longer than its deadline allows (DeadlineExceeded)"},
		"JobOther":      {"a reason of a later version", job("PodFailurePolicy"), nil, "the Job has failed (PodFailurePolicy)"},
		"JobRunning":    {"its pods cannot start", untyped(t, &batchv1.Job{}, "batch/v1", "Job"), []*corev1.Pod{pod(missing)}, unpulled},
		"ClaimPending":  {"a claim is its own cause", claim("Pending", &fast), nil, `the claim is not bound to a volume of storage class "fast"`},
		"ClaimDefault":  {"no class is the default", claim("Pending", nil), nil, "the claim is not bound to a volume of the default storage class"},
		"ClaimLost":     {"its volume is gone", claim("Lost", nil), nil, "the volume that the claim was bound to is lost"},
		"ClaimBound":    {"it is well", claim("Bound", nil), nil, ""},
		"Nothing":       {"an object of another kind", untyped(t, &corev1.ConfigMap{}, "v1", "ConfigMap"), nil, ""},
		"Malformed":     {"a status of another form says nothing", &unstructured.Unstructured{Object: map[string]any{"kind": "Thing", "status": "fine"}}, nil, ""},
		"NotThere":      {"nor does an object that is not there", nil, nil, ""},
		"DeletedBefore": {"a pod on its way out is nobody's cause", deployment(), []*corev1.Pod{pod(missing, func(p *corev1.Pod) { deleted := metav1.Unix(2000, 0); p.DeletionTimestamp = &deleted })}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var pods, reversed []*unstructured.Unstructured
			for _, p := range c.pods {
				u := untyped(t, p, "v1", "Pod")
				pods, reversed = append(pods, u), append([]*unstructured.Unstructured{u}, reversed...)
			}
			if got := cause.Of(c.obj, pods); got != c.want {
				t.Errorf("%s: got\n%s\nwant\n%s", c.why, got, c.want)
			}
			if got := cause.Of(c.obj, reversed); got != c.want {
				t.Errorf("the order of the pods matters: got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestCauseIsBounded(t *testing.T) {
	long := strings.Repeat("ä\n", 1000)
	for name, p := range map[string]*corev1.Pod{
		"Image":     pod(status("app", func(s *corev1.ContainerStatus) { s.Image = long }, waiting("ErrImagePull", long))),
		"Scheduler": pod(podCondition("PodScheduled", "False", "Unschedulable", long)),
		"Evicted":   pod(phase(corev1.PodFailed, "Evicted", "low on resource: "+long)),
		"Config":    pod(image("CreateContainerConfigError", `couldn't find key `+strings.Repeat("k", 900)+` in Secret shop/`+strings.Repeat("s", 900))),
	} {
		t.Run(name, func(t *testing.T) {
			got := cause.Of(untyped(t, p, "v1", "Pod"), nil)
			if got == "" || len(got) > 300 || strings.ContainsAny(got, "\n\ufffd") {
				t.Errorf("%d bytes: %q", len(got), got)
			}
		})
	}
}

func TestNeedsPods(t *testing.T) {
	refused := appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{Type: "ReplicaFailure", Status: "True"}}}
	for name, c := range map[string]struct {
		why  string
		obj  *unstructured.Unstructured
		want bool
	}{
		"Deployment": {"its pods say why", untyped(t, &appsv1.Deployment{}, "apps/v1", "Deployment"), true},
		"Refused":    {"it has none that could", untyped(t, &appsv1.Deployment{Status: refused}, "apps/v1", "Deployment"), false},
		"Pod":        {"it is one", untyped(t, pod(), "v1", "Pod"), false},
		"Claim":      {"it has none", untyped(t, &corev1.PersistentVolumeClaim{}, "v1", "PersistentVolumeClaim"), false},
	} {
		if got := cause.NeedsPods(c.obj); got != c.want {
			t.Errorf("%s: %s: got %t", name, c.why, got)
		}
	}
}
