package cloud

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

const (
	eksCluster = "arn:aws:eks:eu-west-1:123456789012:cluster/prod"
	gkeCluster = "projects/acme-prod/locations/europe-west1/clusters/prod"
	aksCluster = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/prod"
)

func resolver(t *testing.T, o Options) *Resolver {
	t.Helper()
	if o.Client == nil {
		o.Client = fake.NewFakeClient()
	}
	o.Kind = "Kustomization"
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFacts(t *testing.T) {
	ca := string(newAuthority(t).pem())
	identity := Options{WorkloadIdentity: true}
	lockdown := Options{WorkloadIdentity: true, DefaultServiceAccount: "tenant"}
	cases := map[string]struct {
		why     string
		options Options
		data    map[string]string
		want    facts
	}{
		"Generic": {"the address is the audience, as it is written", Options{},
			map[string]string{"provider": "generic", "address": "API.example.com", "ca.crt": ca},
			facts{Provider: "generic", Address: "API.example.com", server: "https://api.example.com:443", CA: ca, Audiences: []string{"API.example.com"}, defaulted: true}},
		"Audiences": {"one a line", Options{},
			map[string]string{"provider": "generic", "address": "https://api.example.com:6443", "audiences": "\n one \r\ntwo\n\n"},
			facts{Provider: "generic", Address: "https://api.example.com:6443", server: "https://api.example.com:6443", Audiences: []string{"one", "two"}, defaulted: true}},
		"EKS": {"the name is enough", Options{}, map[string]string{"provider": "aws", "cluster": eksCluster},
			facts{Provider: "aws", Cluster: eksCluster, defaulted: true}},
		"GKE": {"the name is enough", Options{}, map[string]string{"provider": "gcp", "cluster": gkeCluster},
			facts{Provider: "gcp", Cluster: gkeCluster, defaulted: true}},
		"AKS": {"the name is enough, in any case", Options{}, map[string]string{"provider": "azure", "cluster": strings.ToUpper(aksCluster)},
			facts{Provider: "azure", Cluster: strings.ToUpper(aksCluster), defaulted: true}},
		"NoLookUp": {"with address and CA there is nothing to look up", Options{},
			map[string]string{"provider": "gcp", "address": "10.0.0.1", "ca.crt": ca},
			facts{Provider: "gcp", Address: "10.0.0.1", server: "https://10.0.0.1:443", CA: ca, defaulted: true}},
		"ServiceAccount": {"of the namespace of the object", identity,
			map[string]string{"provider": "aws", "cluster": eksCluster, "serviceAccountName": "deployer"},
			facts{Provider: "aws", Cluster: eksCluster, Namespace: "apps", ServiceAccount: "deployer"}},
		"Lockdown": {"who names none gets the installation's", lockdown,
			map[string]string{"provider": "aws", "cluster": eksCluster},
			facts{Provider: "aws", Cluster: eksCluster, Namespace: "apps", ServiceAccount: "tenant", defaulted: true}},
		"LockdownNamed": {"a name is a name", lockdown,
			map[string]string{"provider": "aws", "cluster": eksCluster, "serviceAccountName": "builder"},
			facts{Provider: "aws", Cluster: eksCluster, Namespace: "apps", ServiceAccount: "builder"}},
	}
	seen := map[string]string{}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := resolver(t, tc.options)
			got, err := r.read("apps", tc.data)
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			if diff := cmp.Diff(tc.want, *got, cmp.AllowUnexported(facts{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			key, err := keyOf(r, tc.data)
			if err != nil || seen[key] != "" {
				t.Errorf("key %s is that of %q, too: %v", key, seen[key], err)
			}
			seen[key] = name
		})
	}
}

func TestFactsRefused(t *testing.T) {
	cases := map[string]struct {
		why  string
		key  string
		data map[string]string
	}{
		"NoProvider":      {"nobody to ask", "provider", map[string]string{"address": "api.example.com"}},
		"UnknownProvider": {"the known ones are named", "provider", map[string]string{"provider": "digitalocean"}},
		"ProviderCase":    {"as it is written", "provider", map[string]string{"provider": "AWS", "cluster": eksCluster}},
		"NoAddress":       {"generic has no other way", "address", map[string]string{"provider": "generic", "cluster": eksCluster}},
		"HTTP":            {"would show the token", "address", map[string]string{"provider": "generic", "address": "http://api.example.com"}},
		"Path":            {"it would be lost", "address", map[string]string{"provider": "generic", "address": "https://api.example.com/k8s/c-1"}},
		"UserInfo":        {"it would be lost", "address", map[string]string{"provider": "generic", "address": "https://u:canary@api.example.com"}},
		"Metadata":        {"it is the metadata service of a cloud, which gives out credentials", "address", map[string]string{"provider": "gcp", "cluster": gkeCluster, "address": "169.254.169.254"}},
		"NotPEM":          {"it trusts nobody", "ca.crt", map[string]string{"provider": "generic", "address": "api.example.com", "ca.crt": "canary"}},
		"NoARN":           {"the region is in it", "cluster", map[string]string{"provider": "aws", "address": "api.example.com"}},
		"RegionIsAHost":   {"the region becomes part of a host name", "cluster", map[string]string{"provider": "aws", "cluster": "arn:aws:eks:x@evil.example.com/#:1:cluster/prod"}},
		"ARNOfOther":      {"another service", "cluster", map[string]string{"provider": "aws", "cluster": "arn:aws:ecs:eu-west-1:1:cluster/prod"}},
		"ClusterNewLine":  {"it becomes a header", "cluster", map[string]string{"provider": "aws", "cluster": eksCluster + "\nx-other: 1"}},
		"GKEPath":         {"it becomes a path", "cluster", map[string]string{"provider": "gcp", "cluster": "projects/a/locations/b/clusters/../../../x"}},
		"GKEQuery":        {"it becomes a URL", "cluster", map[string]string{"provider": "gcp", "cluster": gkeCluster + "?x=y"}},
		"AKSShort":        {"not a resource", "cluster", map[string]string{"provider": "azure", "cluster": "/subscriptions/x"}},
		"NoName":          {"there is no address either", "cluster", map[string]string{"provider": "azure", "address": "api.example.com"}},
		"Audience":        {"no space in it", "audiences", map[string]string{"provider": "generic", "address": "api.example.com", "audiences": "a b"}},
		"ManyAudiences":   {"a limit", "audiences", map[string]string{"provider": "generic", "address": "api.example.com", "audiences": strings.Repeat("a\n", 17)}},
		"OtherNamespace":  {"no way out of the namespace", "serviceAccountName", map[string]string{"provider": "generic", "address": "api.example.com", "serviceAccountName": "kube-system/admin"}},
		"SystemUser":      {"no user", "serviceAccountName", map[string]string{"provider": "generic", "address": "api.example.com", "serviceAccountName": "system:admin"}},
		"TooLong":         {"it is cut", "cluster", map[string]string{"provider": "aws", "cluster": strings.Repeat("x", 1<<20)}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := resolver(t, Options{WorkloadIdentity: true})
			target, err := r.FromConfigMap(t.Context(), unit("apps"), tc.data)
			if target != nil || err == nil {
				t.Fatalf("%s: accepted as %v", tc.why, target)
			}
			f := fault.Of(err)
			if f.Class != fault.ClassRetry || f.Reason != meta.ReasonReconciliationFailed || !strings.Contains(err.Error(), ": "+tc.key+": ") {
				t.Errorf("%s: error %q (%s, %s) does not name %s", tc.why, err, f.Class, f.Reason, tc.key)
			}
			if strings.Contains(err.Error(), "canary") || len(err.Error()) > 1024 {
				t.Errorf("%s: the error shows too much: %s", tc.why, err)
			}
			if _, again := keyOf(r, tc.data); again == nil || again.Error() != err.Error() {
				t.Errorf("%s: Key says %v", tc.why, again)
			}
		})
	}
}

// TestGate is about the one thing that only a change of the installation or of
// the object can mend.
func TestGate(t *testing.T) {
	data := map[string]string{"provider": "generic", "address": "api.example.com", "serviceAccountName": "deployer"}
	_, err := resolver(t, Options{}).FromConfigMap(t.Context(), unit("apps"), data)
	if f := fault.Of(err); f.Class != fault.ClassStalled || f.Reason != meta.ReasonFeatureGateDisabled || !strings.Contains(err.Error(), "ObjectLevelWorkloadIdentity") {
		t.Errorf("got %v (%s, %s)", err, f.Class, f.Reason)
	}
	if _, err := New(Options{Kind: "Kustomization", Client: fake.NewFakeClient(), DefaultServiceAccount: "tenant"}); err == nil || !strings.Contains(err.Error(), "--default-kubeconfig-service-account") {
		t.Errorf("a lockdown that could not lock: %v", err)
	}
}

// keyOf names the connection that the data of a ConfigMap describes.
func keyOf(r *Resolver, data map[string]string) (string, error) {
	f, err := r.read("apps", data)
	if err != nil {
		return "", err
	}
	return f.key(), nil
}
