package devcluster_test

import (
	"net/http"
	"testing"

	"github.com/capstan-gitops/capstan/devcluster"
)

func podSpec(restart, image string) object {
	spec := object{"containers": []object{{"name": "main", "image": image}}}
	if restart != "" {
		spec["restartPolicy"] = restart
	}
	return spec
}

func deployment(name, image string, replicas int) object {
	labels := object{"app": name}
	return object{
		"metadata": object{"name": name},
		"spec": object{
			"replicas": replicas,
			"selector": object{"matchLabels": labels},
			"template": object{"metadata": object{"labels": labels}, "spec": podSpec("", image)},
		},
	}
}

func job(name, image string) object {
	return object{
		"metadata": object{"name": name},
		"spec":     object{"backoffLimit": 0, "template": object{"spec": podSpec("Never", image)}},
	}
}

const (
	deployments = "/apis/apps/v1/namespaces/default/deployments"
	jobs        = "/apis/batch/v1/namespaces/default/jobs"
	pods        = "/api/v1/namespaces/default/pods"
)

// TestFull runs in one cluster: what takes time is starting it.
func TestFull(t *testing.T) {
	cluster := start(t, devcluster.Options{Profile: devcluster.Full, Nodes: 2})
	client := admin(t, cluster)
	if nodes := items(client.get("/api/v1/nodes")); len(nodes) != 2 {
		t.Errorf("%d nodes", len(nodes))
	}
	for name, image := range map[string]string{
		"web":         "registry.local:5000/web:1.0",
		"bad-pull":    "registry.local:5000/web:bad-pull",
		"crash":       "web:crash",
		"never-ready": "web:never-ready@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	} {
		client.create(deployments, deployment(name, image, 2))
	}
	client.create(jobs, job("completes", "task:1"))
	client.create(jobs, job("fails", "task:fail"))

	t.Run("DeploymentBecomesReady", func(t *testing.T) {
		eventually(t, "two replicas are ready", func() bool {
			return at(client.get(deployments+"/web"), "status", "readyReplicas") == 2.0
		})
	})
	for name, want := range map[string]string{"bad-pull": "ImagePullBackOff", "crash": "CrashLoopBackOff"} {
		t.Run(want, func(t *testing.T) {
			eventually(t, "both pods wait with "+want, func() bool { return waiting(client, name, want) == 2 })
			expectUnready(t, client, name)
		})
	}
	t.Run("CrashesAreCounted", func(t *testing.T) {
		eventually(t, "a second restart", func() bool {
			pod := at(client.get(pods+"?labelSelector=app%3Dcrash"), "items", 0)
			count, _ := at(pod, "status", "containerStatuses", 0, "restartCount").(float64)
			return count >= 2 && at(pod, "status", "containerStatuses", 0, "lastState", "terminated", "exitCode") == 1.0
		})
	})
	t.Run("NeverReadyRuns", func(t *testing.T) {
		eventually(t, "both pods run", func() bool {
			list := client.get(pods + "?labelSelector=app%3Dnever-ready")
			return at(list, "items", 0, "status", "phase") == "Running" && at(list, "items", 1, "status", "phase") == "Running"
		})
		expectUnready(t, client, "never-ready")
	})
	for name, condition := range map[string]string{"completes": "Complete", "fails": "Failed"} {
		t.Run("Job"+condition, func(t *testing.T) {
			eventually(t, "the job's condition is "+condition, func() bool { return hasCondition(client.get(jobs+"/"+name), condition) })
		})
	}
	t.Run("DeletedPodsGo", func(t *testing.T) {
		code, answer := client.call(http.MethodDelete, deployments+"/web", object{"propagationPolicy": "Foreground"})
		if code != http.StatusOK {
			t.Fatalf("%d: %v", code, answer)
		}
		eventually(t, "Deployment and pods are gone", func() bool {
			return client.get(deployments+"/web") == nil && len(items(client.get(pods+"?labelSelector=app%3Dweb"))) == 0
		})
	})
}

// waiting counts the pods of an application whose container waits for a reason.
func waiting(client caller, app, reason string) int {
	count := 0
	for _, pod := range items(client.get(pods + "?labelSelector=app%3D" + app)) {
		if at(pod, "status", "containerStatuses", 0, "state", "waiting", "reason") == reason {
			count++
		}
	}
	return count
}

func expectUnready(t *testing.T, client caller, name string) {
	t.Helper()
	if ready := at(client.get(deployments+"/"+name), "status", "readyReplicas"); ready != nil {
		t.Errorf("%s has %v ready replicas", name, ready)
	}
}

func hasCondition(value object, kind string) bool {
	conditions, _ := at(value, "status", "conditions").([]any)
	for _, condition := range conditions {
		if at(condition, "type") == kind && at(condition, "status") == "True" {
			return true
		}
	}
	return false
}
