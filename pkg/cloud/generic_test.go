package cloud

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
)

// homeAudience is what the API server of the tests calls itself.
const homeAudience = "https://kubernetes.default.svc.cluster.local"

func account(t *testing.T, h *home, namespace, name string) *corev1.ServiceAccount {
	t.Helper()
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := h.Create(t.Context(), sa); err != nil {
		t.Fatal(err)
	}
	return sa
}

// devcluster names the API server of the tests as if it were another cluster.
func devcluster(name string) map[string]string {
	config := testEnv.Config()
	return map[string]string{
		"provider": "generic", "address": config.Host, "ca.crt": string(config.CAData),
		"audiences": homeAudience, "serviceAccountName": name,
	}
}

func target(t *testing.T, r *Resolver, namespace string, data map[string]string) *kubeconfig.Endpoint {
	t.Helper()
	found, err := r.FromConfigMap(t.Context(), unit(namespace), data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(found.Close)
	return found
}

// TestServiceAccount reaches a real API server with tokens it issued, and keeps
// reaching it when they run out.
func TestServiceAccount(t *testing.T) {
	h := newHome(t)
	ns := env.Namespace(t, h)
	account(t, h, ns, "deployer")
	clock := clocktesting.NewFakePassiveClock(time.Now())
	r := resolver(t, Options{Client: h, WorkloadIdentity: true, Clock: clock})
	cluster := target(t, r, ns, devcluster("deployer"))
	want := "system:serviceaccount:" + ns + ":deployer"
	check := func(issued int) {
		t.Helper()
		if got, err := whoAmI(t, cluster); err != nil || got != want {
			t.Errorf("the API server sees %q, %v, want %q", got, err, want)
		}
		if h.issued != issued {
			t.Errorf("%d tokens were issued, want %d", h.issued, issued)
		}
	}
	check(1)
	clock.SetTime(clock.Now().Add(50 * time.Minute))
	check(2)
	h.err = errors.New("not now")
	clock.SetTime(clock.Now().Add(9 * time.Minute))
	check(2)
	h.err = nil
	clock.SetTime(clock.Now().Add(renewPause))
	check(3)
}

// TestRecreatedServiceAccount is the token that is revoked before its time: the
// request that finds out is repeated with a new one.
func TestRecreatedServiceAccount(t *testing.T) {
	h := newHome(t)
	ns := env.Namespace(t, h)
	sa := account(t, h, ns, "deployer")
	r := resolver(t, Options{Client: h, WorkloadIdentity: true})
	cluster := target(t, r, ns, devcluster("deployer"))
	if err := h.Delete(t.Context(), sa); err != nil {
		t.Fatal(err)
	}
	account(t, h, ns, "deployer")
	if got, err := whoAmI(t, cluster); err != nil || !strings.HasSuffix(got, ":deployer") {
		t.Errorf("the API server sees %q, %v", got, err)
	}
	if h.issued != 2 {
		t.Errorf("%d tokens were issued, want 2", h.issued)
	}
}

// TestWrongAudience shows what is left to see when no better token is to be had.
func TestWrongAudience(t *testing.T) {
	h := newHome(t)
	ns := env.Namespace(t, h)
	account(t, h, ns, "deployer")
	data := devcluster("deployer")
	delete(data, "audiences")
	r := resolver(t, Options{Client: h, WorkloadIdentity: true})
	if _, err := whoAmI(t, target(t, r, ns, data)); err == nil || h.issued > 2 {
		t.Errorf("a token for another audience was taken, or %d were asked for: %v", h.issued, err)
	}
}

func TestMissingServiceAccount(t *testing.T) {
	h := newHome(t)
	ns := env.Namespace(t, h)
	cases := map[string]struct {
		why     string
		options Options
		name    string
		says    string
	}{
		"Named":     {"the key is named", Options{WorkloadIdentity: true}, "gone", "correct serviceAccountName"},
		"Defaulted": {"the user did not choose it", Options{WorkloadIdentity: true, DefaultServiceAccount: "tenant"}, "", "this installation uses a ServiceAccount tenant"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.options.Client = h
			_, err := resolver(t, tc.options).FromConfigMap(t.Context(), unit(ns), devcluster(tc.name))
			f := fault.Of(err)
			if err == nil || !strings.Contains(err.Error(), tc.says) || f.Class != fault.ClassRetry || f.Reason != meta.ReasonReconciliationFailed {
				t.Errorf("%s: got %v", tc.why, err)
			}
		})
	}
	if h.issued > 0 {
		t.Errorf("%d tokens were issued", h.issued)
	}
}

// claims are the audiences of the token that a server is shown.
func claims(t *testing.T, header string) []string {
	t.Helper()
	found, err := audiences([]byte(strings.TrimPrefix(header, "Bearer ")))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestControllerIdentity is about tokens of the controller's own ServiceAccount:
// they are for the server they are sent to, and never for the own cluster.
func TestControllerIdentity(t *testing.T) {
	h := newHome(t)
	ns := env.Namespace(t, h)
	own := account(t, h, ns, "kustomize-controller")
	request := &authenticationv1.TokenRequest{}
	if err := h.Client.SubResource("token").Create(t.Context(), own, request); err != nil {
		t.Fatal(err)
	}
	seen := ""
	ca := newAuthority(t)
	server := ca.serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization")
		fmt.Fprint(w, "{}")
	})
	r := resolver(t, Options{Client: h})
	r.readFile = func(name string) ([]byte, error) {
		if name != ownToken {
			return nil, os.ErrNotExist
		}
		return []byte(request.Status.Token + "\n"), nil
	}
	data := map[string]string{"provider": "generic", "address": server.URL, "ca.crt": string(ca.pem())}
	cluster := target(t, r, "apps", data)
	ask(t, cluster)
	if diff := cmp.Diff([]string{server.URL}, claims(t, seen)); diff != "" {
		t.Errorf("audiences (-want +got):\n%s", diff)
	}
	for _, hostile := range []map[string]string{
		{"audiences": homeAudience}, {"audiences": "other\n" + homeAudience}, {"address": homeAudience},
	} {
		for key, value := range data {
			if _, set := hostile[key]; !set {
				hostile[key] = value
			}
		}
		before := h.issued
		if _, err := r.FromConfigMap(t.Context(), unit("apps"), hostile); err == nil || !strings.Contains(err.Error(), "audiences: ") || h.issued != before {
			t.Errorf("a token for the own cluster was issued: %v", err)
		}
	}
	r.readFile = func(string) ([]byte, error) { return nil, os.ErrNotExist }
	if _, err := r.FromConfigMap(t.Context(), unit("apps"), data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a token of its own: %v", err)
	}
}

func ask(t *testing.T, cluster *kubeconfig.Endpoint) {
	t.Helper()
	httpClient, err := rest.HTTPClientFor(cluster.Config())
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, cluster.Config().Host, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
}

// TestCache shows that units share tokens, and how that is counted.
func TestCache(t *testing.T) {
	h := newHome(t)
	ns := env.Namespace(t, h)
	account(t, h, ns, "deployer")
	registry := prometheus.NewRegistry()
	tokens, err := NewTokenCache(10, time.Hour, registry)
	if err != nil {
		t.Fatal(err)
	}
	r := resolver(t, Options{Client: h, WorkloadIdentity: true, Tokens: tokens})
	first, second := target(t, r, ns, devcluster("deployer")), target(t, r, ns, devcluster("deployer"))
	if key := []byte("key"); h.issued != 1 || first.Digest(key) != second.Digest(key) {
		t.Errorf("%d tokens were issued for one connection", h.issued)
	}
	want := []string{"gotk_token_cache_events_total", "gotk_token_cache_requests_total", "gotk_token_cached_items", "gotk_token_cache_evictions_total"}
	found := series(t, registry)
	for _, name := range want {
		if _, ok := found[name]; !ok {
			t.Errorf("metric %s is missing among %v", name, found)
		}
	}
	if !strings.Contains(found[want[0]], `"reconcile"`) || !strings.Contains(found[want[0]], `"Kustomization"`) {
		t.Errorf("events are labelled %s", found[want[0]])
	}
	r.Forget(unit(ns))
	if labels := series(t, registry)[want[0]]; labels != "" {
		t.Errorf("series of an object that is gone: %s", labels)
	}
}

func series(t *testing.T, registry *prometheus.Registry) map[string]string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, family := range families {
		for _, metric := range family.Metric {
			labels, err := json.Marshal(metric.Label)
			if err != nil {
				t.Fatal(err)
			}
			found[family.GetName()] += string(labels)
		}
	}
	return found
}

func TestNewTokenCache(t *testing.T) {
	if tokens, err := NewTokenCache(0, time.Hour, nil); tokens != nil || err != nil {
		t.Errorf("zero is none, got %v, %v", tokens, err)
	}
	for size, most := range map[int]time.Duration{-1: time.Hour, 1: 0, 2: 2 * time.Hour} {
		if _, err := NewTokenCache(size, most, nil); err == nil {
			t.Errorf("%d, %s was accepted", size, most)
		}
	}
	forget := resolver(t, Options{})
	forget.Forget(client.ObjectKey{Namespace: "apps", Name: "unit"}) // Without a cache there is nothing to forget.
}

func TestAudiences(t *testing.T) {
	payload := func(text string) string { return "h." + base64.RawURLEncoding.EncodeToString([]byte(text)) + ".s" }
	for token, want := range map[string][]string{
		payload(`{"aud":"one"}`): {"one"}, payload(`{"aud":["one","two"]}`): {"one", "two"},
		payload(`{}`): nil, payload(`{"aud":[]}`): nil, "a.b": nil, "a.!.c": nil, "": nil,
	} {
		got, err := audiences([]byte(token))
		if diff := cmp.Diff(want, got); diff != "" || (err != nil) != (want == nil) {
			t.Errorf("%s: %v, %s", token, err, diff)
		}
	}
}

func TestSteady(t *testing.T) {
	for text, want := range map[string]string{
		"operation error STS: AssumeRole, StatusCode: 403, RequestID: 1f0c-22aa-9, api error AccessDenied: no":         "operation error STS: AssumeRole, StatusCode: 403, api error AccessDenied: no",
		"AADSTS700016: not found.\n Trace ID: 11aa-22bb\r\nCorrelation ID: 33cc-44dd\nTimestamp: 2026-01-01 10:00:00Z": "AADSTS700016: not found.",
		"get https://sts.example.com/?token=canary: refused":                                                           "get https://sts.example.com/?token=redacted: refused",
	} {
		if got := steady(errors.New(text)).Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := steady(errors.New(strings.Repeat("x", 10_000))).Error(); len(got) > 700 {
		t.Errorf("%d characters", len(got))
	}
}
