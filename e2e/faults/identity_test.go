package faults

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// audited is the part of an audit event that says who did what.
type audited struct {
	Stage        string `json:"stage"`
	Verb         string `json:"verb"`
	RequestURI   string `json:"requestURI"`
	User         struct{ Username string }
	Impersonated struct{ Username string } `json:"impersonatedUser"`
	Object       struct {
		Resource, Namespace, Name string
	} `json:"objectRef"`
}

// TestTenantWorkIsDoneAsTheTenant guards against a tenant that gets the rights of the controller: the audit log of the API server has no change of a tenant's object under
// the identity of the controller, and the controller reads no more of one than its metadata by itself, from the first apply to the deletion of the unit.
func TestTenantWorkIsDoneAsTheTenant(t *testing.T) {
	t.Parallel()
	s := scene(t, "identity", "tenant")
	c := newController(t, "identity")
	s.Account("tenant")
	s.Grant("tenant", s.Namespace, "configmaps")
	repository := s.Repository("state-1")
	app := repository.Sync("app", c.ours(), steps.As("tenant"))
	app.BecomesReady()
	app.Applies(repository.Commit("state-2"))
	s.Vanishes(steps.ConfigMap("b"))
	s.Delete(app.Object())
	s.Vanishes(app.Object(), steps.ConfigMap("a"))

	tenant, _ := devcluster.ServiceAccountIdentity(s.Namespace, "tenant")
	verbs := map[string]int{}
	for _, e := range auditedIn(t, s.Namespace, "configmaps") {
		if verbs[e.Verb]++; e.Verb == "list" || e.Verb == "watch" {
			continue
		}
		if e.Impersonated.Username != tenant {
			t.Errorf("%s %s as %q", e.Verb, e.RequestURI, e.Impersonated.Username)
		}
	}
	// That an object changed is seen by the controller; what is in it is not.
	for _, r := range c.since(0, func(r *http.Request) bool { return strings.Contains(r.URL.Path, s.Namespace+"/configmaps") }) {
		if r.Header.Get("Impersonate-User") != tenant && !strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadata") {
			t.Errorf("%s %s reads content as the controller", r.Method, r.URL)
		}
	}
	for _, verb := range []string{"patch", "delete"} {
		if verbs[verb] == 0 {
			t.Errorf("the audit log has no %s of a ConfigMap; this test proves nothing (%v)", verb, verbs)
		}
	}
}

// auditedIn returns what kustomize-controller did to objects of a resource in a namespace.
func auditedIn(t *testing.T, namespace, resource string) (found []audited) {
	t.Helper()
	self, _ := devcluster.ServiceAccountIdentity(world.Namespace, string(world.Kustomize))
	file, err := os.Open(shared.Cluster().AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	const longest = 8 << 20
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), namespace) {
			continue
		}
		var e audited
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Stage == "ResponseComplete" && e.User.Username == self && e.Object.Namespace == namespace && e.Object.Resource == resource {
			found = append(found, e)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
