package devcluster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/devcluster"
)

func TestAPIServerServes(t *testing.T) {
	cluster := start(t, devcluster.Options{Audit: true})
	if cluster.Version() != "v1.36.3" {
		t.Errorf("version: %s", cluster.Version())
	}
	version := admin(t, cluster).get("/version")
	if version["gitVersion"] != "v1.36.3" || version["major"] != "1" || version["minor"] != "36" || version["gitTreeState"] != "clean" {
		t.Errorf("the server reports %v", version)
	}
	if got := items(admin(t, cluster).get("/api/v1/namespaces/default/configmaps")); len(got) > 1 {
		t.Errorf("a new cluster holds %v", got)
	}
	admin(t, cluster).create("/api/v1/namespaces/default/configmaps", object{"metadata": object{"name": "hello"}})
	pod := object{"metadata": object{"name": "p"}, "spec": object{"containers": []object{{"name": "c", "image": "x"}}}}
	admin(t, cluster).create("/api/v1/namespaces/default/pods", pod)

	log, err := os.ReadFile(cluster.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	if !auditHas(t, log, "tester", "create", "configmaps") {
		t.Error("the audit log misses a request")
	}
	if bytes.Contains(log, []byte(`"requestObject"`)) {
		t.Error("the audit log holds contents, which may be secret")
	}
}

func auditHas(t *testing.T, log []byte, user, verb, resource string) bool {
	t.Helper()
	for line := range bytes.Lines(log) {
		var entry object
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatal(err)
		}
		if at(entry, "user", "username") == user && entry["verb"] == verb && at(entry, "objectRef", "resource") == resource {
			return true
		}
	}
	return false
}

func TestIdentityAndRights(t *testing.T) {
	cluster := start(t, devcluster.Options{})
	user, groups := devcluster.ServiceAccountIdentity("apps", "sync")
	sync := as(t, cluster, user, groups...)
	review := sync.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", object{})
	if got := at(review, "status", "userInfo", "username"); got != "system:serviceaccount:apps:sync" {
		t.Errorf("user: %v", got)
	}
	got, _ := at(review, "status", "userInfo", "groups").([]any)
	for _, group := range append(groups, "system:authenticated") {
		if !slices.Contains(got, any(group)) {
			t.Errorf("group %s is missing in %v", group, got)
		}
	}
	list := "/api/v1/namespaces/apps/configmaps"
	if code, _ := sync.call(http.MethodGet, list, nil); code != http.StatusForbidden {
		t.Errorf("without a role the list was answered with %d", code)
	}
	admin(t, cluster).create("/api/v1/namespaces", object{"metadata": object{"name": "apps"}})
	roles := "/apis/rbac.authorization.k8s.io/v1/namespaces/apps/"
	admin(t, cluster).create(roles+"roles", object{
		"metadata": object{"name": "reader"},
		"rules":    []object{{"apiGroups": []string{""}, "resources": []string{"configmaps"}, "verbs": []string{"list"}}},
	})
	admin(t, cluster).create(roles+"rolebindings", object{
		"metadata": object{"name": "sync"},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
		"subjects": []object{{"kind": "ServiceAccount", "namespace": "apps", "name": "sync"}},
	})
	eventually(t, "the role of the ServiceAccount counts for the certificate", func() bool {
		code, _ := sync.call(http.MethodGet, list, nil)
		return code == http.StatusOK
	})
}

func TestStopLeavesNothing(t *testing.T) {
	cluster := start(t, devcluster.Options{})
	usage, err := cluster.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if len(usage) != 2 || usage[1].Component != devcluster.APIServer || usage[1].RSS < 50<<20 || usage[1].CPU <= 0 {
		t.Errorf("implausible usage: %+v", usage)
	}
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, process := range usage {
		if alive(t, process.PID) {
			t.Errorf("%s runs on", process.Component)
		}
	}
	if _, err := os.Lstat(cluster.StateDir()); !os.IsNotExist(err) {
		t.Errorf("the state is left: %v", err)
	}
	if err := cluster.Wait(t.Context()); err != nil {
		t.Errorf("a cluster that was stopped is reported as failed: %v", err)
	}
}

func TestTwoClustersAtOnce(t *testing.T) {
	first, second := start(t, devcluster.Options{}), start(t, devcluster.Options{})
	if first.RESTURL() == second.RESTURL() || first.StateDir() == second.StateDir() {
		t.Fatalf("they share %s or %s", first.RESTURL(), first.StateDir())
	}
	admin(t, first).create("/api/v1/namespaces", object{"metadata": object{"name": "only-here"}})
	if admin(t, second).get("/api/v1/namespaces/only-here") != nil {
		t.Error("an object of one cluster is in the other")
	}
	stranger := as(t, first, "tester", "system:masters")
	stranger.url = second.RESTURL()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, stranger.url+"/version", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := stranger.http.Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("one cluster's authority vouches for the other")
	}
}

func TestNamedStateIsContinued(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30), "state") // Longer than the path of a socket may be.
	options := devcluster.Options{StateDir: dir}
	first := start(t, options)
	admin(t, first).create("/api/v1/namespaces", object{"metadata": object{"name": "kept"}})
	if _, err := devcluster.Start(t.Context(), options); err == nil || !strings.Contains(err.Error(), "running") {
		t.Errorf("a second cluster on the same state: %v", err)
	}
	state, err := devcluster.ReadState(dir)
	if err != nil || !state.Ready || state.URL != first.RESTURL() || len(state.Processes) != 2 {
		t.Errorf("state: %+v, %v", state, err)
	}
	if _, err := devcluster.KubeconfigIn(dir, "someone", nil); err != nil {
		t.Error(err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	if state, err := devcluster.ReadState(dir); err != nil || state.Running || state.Ready {
		t.Errorf("state after the stop: %+v, %v", state, err)
	}
	second := start(t, options)
	if admin(t, second).get("/api/v1/namespaces/kept") == nil {
		t.Error("the objects are gone")
	}
}

func TestPauseAndResume(t *testing.T) {
	cluster := start(t, devcluster.Options{})
	client := admin(t, cluster)
	client.http.Timeout = 300 * time.Millisecond
	if err := cluster.Pause(devcluster.APIServer); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, client.url+"/version", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := client.http.Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("a paused server answers")
	}
	if err := cluster.Resume(devcluster.APIServer); err != nil {
		t.Fatal(err)
	}
	client.http.Timeout = patience
	client.get("/version")
	if err := cluster.Pause(devcluster.Kwok); err == nil {
		t.Error("a process that the cluster does not have was paused")
	}
}

func TestRestartAPIServer(t *testing.T) {
	cluster := start(t, devcluster.Options{})
	client := admin(t, cluster)
	client.create("/api/v1/namespaces", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "kept"}})
	before := pids(t, cluster)
	if err := cluster.RestartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if client.get("/api/v1/namespaces/kept") == nil {
		t.Error("the objects are gone")
	}
	after := pids(t, cluster)
	if after[devcluster.APIServer] == before[devcluster.APIServer] || after[devcluster.Etcd] != before[devcluster.Etcd] {
		t.Errorf("process ids were %v and are %v: only the API server is another", before, after)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := cluster.Wait(ctx); err != nil {
		t.Errorf("a restart counts as a failure: %v", err)
	}
}

func pids(t *testing.T, cluster *devcluster.Cluster) map[devcluster.Component]int {
	t.Helper()
	used, err := cluster.Usage()
	if err != nil {
		t.Fatal(err)
	}
	found := map[devcluster.Component]int{}
	for _, u := range used {
		found[u.Component] = u.PID
	}
	return found
}

func TestFailedStartSaysWhy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first := start(t, devcluster.Options{StateDir: dir})
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pki", "apiserver.key"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := devcluster.Start(t.Context(), devcluster.Options{StateDir: dir})
	if err == nil || !strings.Contains(err.Error(), "kube-apiserver ended unexpectedly") || !strings.Contains(err.Error(), "failed to find any PEM data in key input") {
		t.Errorf("got %v", err)
	}
	if state, err := devcluster.ReadState(dir); err != nil || state.Running {
		t.Errorf("the state is still held: %+v, %v", state, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		options devcluster.Options
		want    string
		why     string
	}{
		"Profile": {devcluster.Options{Profile: "tiny"}, `no profile "tiny"`, "a typo must not start something else"},
		"Nodes":   {devcluster.Options{Nodes: 10_000}, "nodes", "a slip of the finger must not take the machine"},
		"Root":    {devcluster.Options{Root: t.TempDir()}, "control plane's module", "there is nothing to build from"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := devcluster.Start(t.Context(), tc.options); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v, want %q", tc.why, err, tc.want)
			}
		})
	}
}
