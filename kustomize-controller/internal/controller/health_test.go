package controller

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// awaiting has a unit wait for all that it applies.
func awaiting(timeout meta.Duration) func(*kustomizev1.Kustomization) {
	return func(k *kustomizev1.Kustomization) { k.Spec.Wait, k.Spec.Timeout = true, timeout }
}

// becomeWell gives a Deployment the status of one that is rolled out. The test
// cluster runs no controllers.
func (r *rig) becomeWell(t *testing.T, name string) {
	t.Helper()
	web := &appsv1.Deployment{ObjectMeta: r.object(name, nil)}
	err := r.Get(t.Context(), client.ObjectKeyFromObject(web), web)
	if err == nil {
		n := *web.Spec.Replicas
		web.Status = appsv1.DeploymentStatus{
			ObservedGeneration: web.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n,
			Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue},
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
			},
		}
		err = r.Status().Update(t.Context(), web)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) healthy(t *testing.T, unit *kustomizev1.Kustomization) func() (string, error) {
	return func() (string, error) {
		_, err := r.state(t.Context(), unit)()
		if c := status.Find(unit.Status.Conditions, meta.ConditionHealthy); c != nil {
			return string(c.Status) + " " + c.Reason, err
		}
		return "", err
	}
}

func TestWaitForWhatWasApplied(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/web.yaml": r.deployment("1", "web:1")})
	unit := r.unit("app", "./app", awaiting("1m"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.healthy(t, unit), soon).Should(Equal("Unknown Progressing"))
	g.Expect(r.state(t.Context(), unit)()).To(Equal("Unknown Progressing"))
	from := r.requests.end()
	g.Consistently(func() []string { return r.requests.about(r.namespace, from) }, "2s").Should(BeEmpty(), "nothing is polled")
	r.becomeWell(t, "web")
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.healthy(t, unit)()).To(Equal("True Succeeded"))
}

// TestHealthCheckOutsideTheInventory says that an object which somebody else
// applies is watched by its name.
func TestHealthCheckOutsideTheInventory(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	g.Expect(r.Create(t.Context(), &appsv1.Deployment{ObjectMeta: r.object("theirs", nil), Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "x"}}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "x", Image: "x"}}}},
	}})).To(Succeed())
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	unit := r.unit("app", "./app", func(k *kustomizev1.Kustomization) {
		k.Spec.Timeout = "1m"
		k.Spec.HealthChecks = []kustomizev1.HealthCheckReference{{Kind: "Deployment", Name: "theirs"}} // apps/v1, own namespace
	})
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.healthy(t, unit), soon).Should(Equal("Unknown Progressing"))
	r.becomeWell(t, "theirs")
	g.Eventually(r.state(t.Context(), unit), "4s").Should(Equal(readyAt1), "sooner than a poll would see it")
	from := r.requests.end()
	r.handle(t, g, unit, "again", false)
	g.Expect(r.requests.about(r.namespace, from)).To(HaveLen(1), "what is well and did not change is not read again")
}

// TestFailureNamesTheCause says that the cause is found in the pods if the Deployment does not name it.
func TestFailureNamesTheCause(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/web.yaml": r.deployment("1", "web:missing")})
	unit := r.unit("app", "./app", awaiting("3s"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	pod := &corev1.Pod{ObjectMeta: r.object("web-1", map[string]string{"app": "web"}), Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "web", Image: "web:missing"}},
	}}
	g.Expect(r.Create(t.Context(), pod)).To(Succeed())
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "web", Image: "web:missing", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}},
	}}}
	g.Expect(r.Status().Update(t.Context(), pod)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False HealthCheckFailed"))
	g.Expect(message(unit)).To(And(
		ContainSubstring("timeout waiting for: [Deployment/"+r.namespace+"/web status: 'InProgress']"),
		ContainSubstring(`container "web": image "web:missing" cannot be pulled`)))
	g.Expect(r.healthy(t, unit)()).To(Equal("False HealthCheckFailed"))
}

// TestNewRevisionEndsAWait says that nobody waits for what is outdated, unless the
// gate of the contract asks for it.
func TestNewRevisionEndsAWait(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/web.yaml": r.deployment("1", "web:1")})
	unit := r.unit("app", "./app", awaiting("5m"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.healthy(t, unit), soon).Should(Equal("Unknown Progressing"))
	r.publish(t, "2", map[string]string{"app/a.yaml": r.manifest("a", "2")})
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
}

func TestNewRevisionWaitsItsTurn(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t, "--feature-gates=CancelHealthCheckOnNewRevision=false")
	r.publish(t, "1", map[string]string{"app/web.yaml": r.deployment("1", "web:1")})
	unit := r.unit("app", "./app", awaiting("5m"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.healthy(t, unit), soon).Should(Equal("Unknown Progressing"))
	r.publish(t, "2", map[string]string{"app/web.yaml": r.deployment("1", "web:1"), "app/a.yaml": r.manifest("a", "2")})
	g.Consistently(func() (string, error) {
		_, err := r.state(t.Context(), unit)()
		return unit.Status.LastAttemptedRevision, err
	}, "2s").Should(Equal("main@sha1:1"))
	r.becomeWell(t, "web")
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt2))
}

func (r *rig) jobManifest(name string) string {
	return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: " + name + ", namespace: " + r.namespace + "}\nspec:\n  ttlSecondsAfterFinished: 1\n" +
		"  template: {spec: {restartPolicy: Never, containers: [{name: x, image: x}]}}\n"
}

// TestJobThatIsGoneIsDone says that a Job with a TTL counts as completed when it is
// deleted, also for a wait that is resumed.
func TestJobThatIsGoneIsDone(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/job.yaml": r.jobManifest("migrate")})
	unit := r.unit("app", "./app", awaiting("1m"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.healthy(t, unit), soon).Should(Equal("Unknown Progressing"))
	g.Expect(r.Delete(t.Context(), &batchv1.Job{ObjectMeta: r.object("migrate", nil)}, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
}

func TestHealthCheckExpressions(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "1")})
	current := func(expression string) func(*kustomizev1.Kustomization) {
		return func(k *kustomizev1.Kustomization) {
			k.Spec.HealthCheckExprs = []meta.HealthCheckExprs{{APIVersion: "v1", Kind: "ConfigMap", Current: expression, Failed: "data.value == 'bad'"}}
		}
	}
	well := r.unit("well", "./app", awaiting("1m"), current("data.value == '1'"))
	g.Expect(r.Create(t.Context(), well)).To(Succeed())
	g.Eventually(r.state(t.Context(), well), soon).Should(Equal(readyAt1))

	broken := r.unit("broken", "./app", awaiting("1m"), current("data.value =="))
	g.Expect(r.Create(t.Context(), broken)).To(Succeed())
	g.Eventually(r.state(t.Context(), broken), soon).Should(Equal("False InvalidCELExpression"))
	g.Expect(status.IsTrue(broken.Status.Conditions, meta.ConditionStalled)).To(BeTrue())
}

// TestFailFast says that an object which has failed ends the wait, unless the gate
// of the contract asks to wait all the same.
func TestFailFast(t *testing.T) {
	for name, flags := range map[string][]string{"Fast": nil, "Slow": {"--feature-gates=DisableFailFastBehavior=true"}} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t, flags...)
			r.publish(t, "1", map[string]string{"app/a.yaml": r.manifest("a", "bad")})
			unit := r.unit("app", "./app", awaiting("3s"), func(k *kustomizev1.Kustomization) {
				k.Spec.HealthCheckExprs = []meta.HealthCheckExprs{{APIVersion: "v1", Kind: "ConfigMap", Current: "false", Failed: "data.value == 'bad'"}}
			})
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False HealthCheckFailed"))
			want := "failed early due to stalled resources: [ConfigMap/" + r.namespace + "/a status: 'Failed']"
			if name == "Slow" {
				want = "timeout waiting for: [ConfigMap/" + r.namespace + "/a status: 'Failed']"
			}
			g.Expect(message(unit)).To(ContainSubstring(want))
		})
	}
}

// TestSameFailureIsReportedOnce says that a failure that repeats with every attempt is one event.
func TestSameFailureIsReportedOnce(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	r.publish(t, "1", map[string]string{"app/web.yaml": r.deployment("1", "web:1")})
	unit := r.unit("app", "./app", awaiting("2s"), func(k *kustomizev1.Kustomization) { k.Spec.RetryInterval = "1s" })
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	tried := map[string]bool{}
	g.Eventually(func() (int, error) {
		_, err := r.state(t.Context(), unit)()
		if c := status.Find(unit.Status.Conditions, meta.ConditionReady); c != nil && c.Reason == string(meta.ReasonHealthCheckFailed) {
			tried[unit.ResourceVersion] = true
		}
		return len(tried), err
	}, soon).Should(BeNumerically(">=", 3), "it is tried again")
	events, err := r.events(t, "app")()
	g.Expect(err).NotTo(HaveOccurred())
	reported := 0
	for _, e := range events {
		if strings.HasPrefix(e, "Warning HealthCheckFailed") {
			reported++
		}
	}
	g.Expect(reported).To(Equal(1))
}
