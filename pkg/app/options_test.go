package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
)

func parse(t *testing.T, d Defaults, args ...string) (*Options, error) {
	t.Helper()
	o := &Options{Name: "test-controller", Gates: map[string]bool{"CacheSecretsAndConfigMaps": false, "Known": true}}
	fs := pflag.NewFlagSet(o.Name, pflag.ContinueOnError)
	fs.Usage = func() {}
	o.Bind(fs, d)
	return o, fs.Parse(args)
}

func mustParse(t *testing.T, args ...string) *Options {
	t.Helper()
	o, err := parse(t, Defaults{Concurrent: 4}, args...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestDefaults compares the flags with those of the wire contract: an install
// that sets none has to behave as it always did.
func TestDefaults(t *testing.T) {
	o := &Options{}
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	o.Bind(fs, Defaults{Concurrent: 4, EventsAddr: "http://events"})
	want := map[string]string{
		"metrics-addr": ":8080", "health-addr": ":9440", "events-addr": "http://events", "concurrent": "4",
		"requeue-dependency": "30s", "watch-all-namespaces": "true", "watch-label-selector": "",
		"watch-configs-label-selector": "reconcile.fluxcd.io/watch=Enabled", "no-cross-namespace-refs": "false",
		"interval-jitter-percentage": "5", "min-retry-delay": "750ms", "max-retry-delay": "15m0s", "feature-gates": "",
		"kube-api-qps": "50", "kube-api-burst": "300", "log-encoding": "json", "log-level": "info",
		"enable-leader-election": "false", "leader-election-release-on-cancel": "true",
		"leader-election-lease-duration": "35s", "leader-election-renew-deadline": "30s", "leader-election-retry-period": "5s",
	}
	got := map[string]string{}
	fs.VisitAll(func(f *pflag.Flag) { got[f.Name] = f.DefValue })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the shared flags and their defaults (-want +got):\n%s", diff)
	}
}

func TestDefaultsThatDiffer(t *testing.T) {
	o, err := parse(t, Defaults{Concurrent: 2, MetricsAddr: ":1234", NoACL: true})
	if err != nil {
		t.Fatal(err)
	}
	if o.MetricsAddr != ":1234" || o.Concurrent != 2 {
		t.Errorf("got metrics %s and %d workers", o.MetricsAddr, o.Concurrent)
	}
	if _, err := parse(t, Defaults{Concurrent: 2, NoACL: true}, "--no-cross-namespace-refs"); err == nil {
		t.Error("a controller without references accepts the flag that forbids them")
	}
}

func TestValidate(t *testing.T) {
	cases := map[string]struct {
		why       string
		args      []string
		namespace string
		message   string // part of the error; empty for none
	}{
		"Defaults":          {"no flag is needed", nil, "", ""},
		"KnownGate":         {"a gate is switched by name", []string{"--feature-gates=Known=false"}, "", ""},
		"UnknownGate":       {"the contract makes it a start-up error", []string{"--feature-gates=Nope=true"}, "", "--feature-gates"},
		"NoWorkers":         {"nobody would do the work", []string{"--concurrent=0"}, "", "--concurrent"},
		"NegativeWorkers":   {"less than nobody", []string{"--concurrent=-3"}, "", "--concurrent"},
		"BadSelector":       {"a selector that cannot be read selects everything by mistake", []string{"--watch-label-selector=a in"}, "", "--watch-label-selector"},
		"MostJitter":        {"an interval stays one", []string{"--interval-jitter-percentage=99"}, "", ""},
		"TooMuchJitter":     {"an interval of nothing is none", []string{"--interval-jitter-percentage=100"}, "", "--interval-jitter-percentage"},
		"OwnNamespace":      {"one namespace is watched", []string{"--watch-all-namespaces=false"}, "flux-system", ""},
		"NamespaceUnknown":  {"which one?", []string{"--watch-all-namespaces=false"}, "", "RUNTIME_NAMESPACE"},
		"SelectorOfAShard":  {"sharding selects by label", []string{"--watch-label-selector=sharding.fluxcd.io/key=a"}, "", ""},
		"SelectorOfTheRest": {"and the main instance by its absence", []string{"--watch-label-selector=!sharding.fluxcd.io/key"}, "", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("RUNTIME_NAMESPACE", tc.namespace)
			err := mustParse(t, tc.args...).Validate()
			if tc.message == "" {
				if err != nil {
					t.Errorf("%s: %v", tc.why, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("%s: got %v", tc.why, err)
			}
		})
	}
}

func TestEnabled(t *testing.T) {
	o := mustParse(t, "--feature-gates=Known=false,CacheSecretsAndConfigMaps=true")
	if !o.Enabled("Known") {
		t.Error("before Validate the gates have their defaults")
	}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	got := []bool{o.Enabled("Known"), o.Enabled("CacheSecretsAndConfigMaps"), o.Enabled("Nope")}
	if diff := cmp.Diff([]bool{false, true, false}, got); diff != "" {
		t.Errorf("an unknown gate is off (-want +got):\n%s", diff)
	}
}

// TestRate says that the client is not throttled by default, because the API
// server has flow control, and that the flags of the contract still bound it.
func TestRate(t *testing.T) {
	cases := map[string]struct {
		args  []string
		qps   float32
		burst int
	}{
		"Unset":      {nil, -1, 0},
		"QPS":        {[]string{"--kube-api-qps=7"}, 7, 300},
		"Burst":      {[]string{"--kube-api-burst=9"}, 50, 9},
		"Both":       {[]string{"--kube-api-qps=7", "--kube-api-burst=9"}, 7, 9},
		"SetDefault": {[]string{"--kube-api-qps=50"}, 50, 300},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if qps, burst := mustParse(t, tc.args...).rate(); qps != tc.qps || burst != tc.burst {
				t.Errorf("got %v and %v, want %v and %v", qps, burst, tc.qps, tc.burst)
			}
		})
	}
	if qps, _ := (&Options{}).rate(); qps != -1 {
		t.Errorf("without flags the rate is %v", qps)
	}
}

func TestDurationsAreParsed(t *testing.T) {
	if o := mustParse(t, "--requeue-dependency=5s"); o.RequeueDependency != 5*time.Second {
		t.Errorf("got %s", o.RequeueDependency)
	}
	if _, err := parse(t, Defaults{Concurrent: 1}, "--requeue-dependency=soon"); err == nil {
		t.Error("a duration that is none is accepted")
	}
}

// TestPending says that a flag which is not acted on is refused when it asks for
// something, and accepted when it says what is the case anyway.
func TestPending(t *testing.T) {
	cases := map[string]struct {
		why     string
		args    []string
		refused string
	}{
		"Unset":          {"existing manifests work", nil, ""},
		"DefaultSpelled": {"the default in so many words asks for nothing", []string{"--text=a", "--switch=false", "--list="}, ""},
		"Text":           {"another value would be ignored", []string{"--text=b"}, "--text"},
		"Switch":         {"another value would be ignored", []string{"--switch"}, "--switch"},
		"List":           {"another value would be ignored", []string{"--list=x"}, "--list"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
			p := Pending{}
			p.String(fs, "text", "a", "A text.")
			p.Bool(fs, "switch", false, "A switch.")
			p.Strings(fs, "list", "A list.")
			if err := fs.Parse(tc.args); err != nil {
				t.Fatal(err)
			}
			err := p.Validate()
			if (err != nil) != (tc.refused != "") || err != nil && !strings.Contains(err.Error(), tc.refused) {
				t.Errorf("%s: got %v", tc.why, err)
			}
		})
	}
}

// TestCache says what the informers of a binary are restricted to: that is the
// difference between a watch of one shard and one of the whole cluster.
func TestCache(t *testing.T) {
	t.Setenv("RUNTIME_NAMESPACE", "flux-system")
	own := &sourcev1.GitRepository{}
	o := mustParse(t, "--watch-all-namespaces=false", "--watch-label-selector=sharding.fluxcd.io/key=a")
	got, err := cacheOptions(Binary{Options: o, Own: []client.Object{own}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := got.DefaultNamespaces["flux-system"]; !ok || len(got.DefaultNamespaces) != 1 {
		t.Errorf("watched namespaces: %v", got.DefaultNamespaces)
	}
	if selector := got.ByObject[own].Label; !selector.Matches(labels.Set{"sharding.fluxcd.io/key": "a"}) || selector.Matches(labels.Set{}) {
		t.Errorf("own objects are selected by %v", selector)
	}
	all, err := cacheOptions(Binary{Options: mustParse(t), Own: []client.Object{own}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all.DefaultNamespaces) != 0 || !all.ByObject[own].Label.Matches(labels.Set{}) {
		t.Errorf("by default everything is watched, got %v", all)
	}
	if _, err := cacheOptions(Binary{Options: mustParse(t, "--watch-label-selector=a in")}); err == nil {
		t.Error("a selector that cannot be read is accepted")
	}
}

func TestSecretsAreNotWatched(t *testing.T) {
	kinds := func(o *Options) (secrets, configMaps bool) {
		for _, obj := range uncached(o) {
			switch obj.(type) {
			case *corev1.Secret:
				secrets = true
			case *corev1.ConfigMap:
				configMaps = true
			}
		}
		return secrets, configMaps
	}
	if secrets, configMaps := kinds(mustParse(t)); !secrets || !configMaps {
		t.Error("reading one Secret would watch every Secret of the cluster")
	}
	o := mustParse(t, "--feature-gates=CacheSecretsAndConfigMaps=true")
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	if secrets, configMaps := kinds(o); secrets || configMaps {
		t.Error("the gate that caches them is not acted on")
	}
}
