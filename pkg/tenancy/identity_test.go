package tenancy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/pkg/tenancy"
)

func TestServiceAccountNames(t *testing.T) {
	cases := map[string]struct {
		why             string
		namespace, name string
		refused         bool
	}{
		"Usual":             {"the usual case", "apps", "deployer", false},
		"Dots":              {"a ServiceAccount's name may have dots", "apps", "team.deployer", false},
		"EmptyName":         {"an empty name would leave the controller's own rights", "apps", "", true},
		"EmptyNamespace":    {"so would an empty namespace", "", "deployer", true},
		"Space":             {"nor is a blank a name", "apps", " ", true},
		"TrailingSpace":     {"it is not trimmed into one", "apps", "deployer ", true},
		"NewLine":           {"it would begin another header", "apps", "a\nImpersonate-Group: system:masters", true},
		"Masters":           {"a group of the system", "apps", "system:masters", true},
		"OtherUser":         {"a whole user name", "apps", "system:serviceaccount:kube-system:admin", true},
		"Colon":             {"the separator of user names", "apps", "kube-system:admin", true},
		"NamespaceColon":    {"in the namespace, too", "apps:x", "admin", true},
		"NamespaceDot":      {"a namespace has no dots", "a.b", "admin", true},
		"Slash":             {"no path", "apps", "../admin", true},
		"UpperCase":         {"user names are compared as they are", "apps", "Deployer", true},
		"UpperCaseAbove":    {"namespaces, too", "Apps", "deployer", true},
		"NotASCII":          {"looks like an a", "apps", "dеployer", true},
		"Null":              {"ends a string elsewhere", "apps", "a\x00", true},
		"TooLong":           {"longer than a name may be", "apps", strings.Repeat("a", 254), true},
		"NamespaceTooLong":  {"longer than a label may be", strings.Repeat("a", 64), "a", true},
		"Wildcard":          {"no rule", "apps", "*", true},
		"QuotedNothing":     {"claims that came to nothing", "apps", `[""]`, true},
		"NamespaceWildcard": {"no rule either", "*", "deployer", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			id, err := tenancy.ServiceAccount(tc.namespace, tc.name)
			if (err != nil) != tc.refused {
				t.Fatalf("%s: error %v, want one: %t", tc.why, err, tc.refused)
			}
			if tc.refused {
				if !id.IsZero() {
					t.Errorf("%s: an identity came with the error: %s", tc.why, id)
				}
				if len(err.Error()) > 1024 {
					t.Errorf("%s: the error has %d characters", tc.why, len(err.Error()))
				}
				return
			}
			want := "system:serviceaccount:" + tc.namespace + ":" + tc.name
			if id.String() != want {
				t.Errorf("%s: user %s, want %s", tc.why, id, want)
			}
		})
	}
}

func TestIdentityIsAKey(t *testing.T) {
	one, two := serviceAccount(t, "apps", "one"), serviceAccount(t, "apps", "two")
	pool := map[tenancy.Identity]string{one: "one", two: "two", tenancy.Controller(): "controller"}
	if pool[serviceAccount(t, "apps", "one")] != "one" || pool[tenancy.Controller()] != "controller" {
		t.Errorf("equal identities are not the same key: %v", pool)
	}
	if _, found := pool[tenancy.Identity{}]; found {
		t.Error("nobody is somebody")
	}
	names := []string{one.String(), tenancy.Controller().String(), tenancy.Identity{}.String()}
	if diff := cmp.Diff([]string{"system:serviceaccount:apps:one", "controller", "nobody"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func serviceAccount(t *testing.T, namespace, name string) tenancy.Identity {
	t.Helper()
	id, err := tenancy.ServiceAccount(namespace, name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestConfig(t *testing.T) {
	base := &rest.Config{Host: "https://10.0.0.1", BearerToken: "controller"}
	got, err := tenancy.Config(base, tenancy.Controller())
	if err != nil {
		t.Fatal(err)
	}
	if got.Host != base.Host || got.BearerToken != base.BearerToken || got.Impersonate.UserName != "" {
		t.Errorf("the controller's identity reaches its own cluster, got %+v", got)
	}
	got.BearerToken = "changed"
	if base.BearerToken != "controller" {
		t.Error("the configuration is shared with the base")
	}
	got, err = tenancy.Config(base, serviceAccount(t, "apps", "deployer"))
	if err != nil {
		t.Fatal(err)
	}
	want := rest.ImpersonationConfig{UserName: "system:serviceaccount:apps:deployer"}
	if diff := cmp.Diff(want, got.Impersonate); diff != "" {
		t.Errorf("impersonation (-want +got):\n%s", diff)
	}
	if base.Impersonate.UserName != "" {
		t.Error("the base impersonates now")
	}
}

// TestConfigRefuses guards against identities that are empty or ambiguous: one
// that nobody filled in must not become the controller's own, and nobody may slip in a second one.
func TestConfigRefuses(t *testing.T) {
	deployer := serviceAccount(t, "apps", "deployer")
	cases := map[string]struct {
		why  string
		base rest.Config
		id   tenancy.Identity
	}{
		"Nobody":      {"nobody decided", rest.Config{}, tenancy.Identity{}},
		"User":        {"two users", rest.Config{Impersonate: rest.ImpersonationConfig{UserName: "admin"}}, deployer},
		"Group":       {"the group would stay", rest.Config{Impersonate: rest.ImpersonationConfig{Groups: []string{"system:masters"}}}, deployer},
		"Extra":       {"so would this", rest.Config{Impersonate: rest.ImpersonationConfig{Extra: map[string][]string{"a": {"b"}}}}, deployer},
		"UID":         {"and this", rest.Config{Impersonate: rest.ImpersonationConfig{UID: "1"}}, deployer},
		"OwnIsNotOwn": {"it would not be the controller", rest.Config{Impersonate: rest.ImpersonationConfig{UserName: "admin"}}, tenancy.Controller()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := tenancy.Config(&tc.base, tc.id); err == nil || got != nil {
				t.Errorf("%s: got %v, %v", tc.why, got, err)
			}
		})
	}
}
