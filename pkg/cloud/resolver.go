package cloud

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/pkg/auth"
	authaws "github.com/fluxcd/pkg/auth/aws"
	authazure "github.com/fluxcd/pkg/auth/azure"
	authgcp "github.com/fluxcd/pkg/auth/gcp"
	authgeneric "github.com/fluxcd/pkg/auth/generic"
	"github.com/fluxcd/pkg/cache"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

const (
	// gate is the feature gate of tokens for ServiceAccounts of tenants.
	gate = auth.FeatureGateObjectLevelWorkloadIdentity
	// fetchTimeout bounds one exchange of tokens with all its look-ups.
	fetchTimeout = 30 * time.Second
	// ownToken is the token of the controller's pod.
	ownToken = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	// metricsPrefix makes the names of metrics those of the contract.
	metricsPrefix = "gotk_token_"
)

// NewTokenCache returns the cache of tokens that a binary has, or nil for a size
// of zero. Its metrics are registered when there is a registerer.
func NewTokenCache(size int, most time.Duration, registerer prometheus.Registerer) (*cache.TokenCache, error) {
	if size < 0 {
		return nil, fmt.Errorf("reading --token-cache-max-size: %d is not a number of tokens", size)
	}
	if most <= 0 || most > cache.TokenMaxDuration {
		return nil, fmt.Errorf("reading --token-cache-max-duration: %s is not between nothing and %s", most, cache.TokenMaxDuration)
	}
	if size == 0 {
		return nil, nil
	}
	options := []cache.Options{cache.WithMaxDuration(most)}
	if registerer != nil {
		options = append(options, cache.WithMetricsRegisterer(registerer), cache.WithMetricsPrefix(metricsPrefix))
	}
	return cache.NewTokenCache(size, options...)
}

// Options are what a Resolver needs.
type Options struct {
	// Kind is the kind of the units, for the metrics of the token cache.
	Kind string
	// Client reads ServiceAccounts and requests tokens for them, in the cluster
	// the controller runs in. It should not cache.
	Client client.Client
	// WorkloadIdentity is the feature gate ObjectLevelWorkloadIdentity.
	WorkloadIdentity bool
	// DefaultServiceAccount is the flag --default-kubeconfig-service-account.
	DefaultServiceAccount string
	// Tokens is the cache of tokens; nil for none.
	Tokens *cache.TokenCache
	// MaxTokenAge is how long a token is used at most; an hour if zero.
	MaxTokenAge time.Duration
	// Clock is the time; the real one if nil.
	Clock clock.PassiveClock
	// Connect says how clusters are reached.
	Connect kubeconfig.Options
}

// Resolver finds the cluster a ConfigMap names. It is safe for concurrent use.
type Resolver struct {
	kind                  string
	client                client.Client
	workloadIdentity      bool
	defaultServiceAccount string
	tokens                *cache.TokenCache
	most                  time.Duration
	clock                 clock.PassiveClock
	connect               kubeconfig.Options
	providers             map[string]auth.RESTConfigProvider
	readFile              readFile
}

// readFile is how provider generic reads the token of the controller's pod.
type readFile func(name string) ([]byte, error)

// ReadFile implements the environment of provider generic.
func (f readFile) ReadFile(name string) ([]byte, error) { return f(name) }

// New returns a Resolver. A default ServiceAccount without the feature gate is
// refused: the controller must not start as if it kept tenants apart.
//
// The library has the gate as a variable of the process. It is switched on here
// and never off, and every use is checked against the option before.
func New(o Options) (*Resolver, error) {
	if o.Client == nil || o.Kind == "" {
		return nil, errors.New("making a resolver of remote clusters: it needs a client and a kind")
	}
	if o.DefaultServiceAccount != "" && !o.WorkloadIdentity {
		return nil, fmt.Errorf("reading --default-kubeconfig-service-account: it needs the feature gate %s", gate)
	}
	if o.WorkloadIdentity && !auth.IsObjectLevelWorkloadIdentityEnabled() {
		auth.EnableObjectLevelWorkloadIdentity()
	}
	r := &Resolver{
		kind: o.Kind, client: o.Client, workloadIdentity: o.WorkloadIdentity, defaultServiceAccount: o.DefaultServiceAccount,
		tokens: o.Tokens, most: o.MaxTokenAge, clock: o.Clock, connect: o.Connect, readFile: os.ReadFile,
	}
	if r.most == 0 {
		r.most = cache.TokenMaxDuration
	}
	if r.clock == nil {
		r.clock = clock.RealClock{}
	}
	// Plain http is no option here: a token would be shown to everybody.
	r.connect.AllowInsecureTLS = false
	own := func(name string) ([]byte, error) { return r.readFile(name) }
	r.providers = map[string]auth.RESTConfigProvider{
		aws: authaws.Provider{}, azure: authazure.Provider{}, gcp: authgcp.Provider{},
		generic: authgeneric.Provider{Implementation: readFile(own)},
	}
	return r, nil
}

// FromConfigMap returns the cluster that the data of a ConfigMap names, for the
// unit. It asks for a first token, and for what the ConfigMap does
// not say about the cluster; later tokens come as they are needed.
func (r *Resolver) FromConfigMap(ctx context.Context, unit types.NamespacedName, data map[string]string) (*kubeconfig.Endpoint, error) {
	f, err := r.read(unit.Namespace, data)
	if err != nil {
		return nil, err
	}
	if err := r.keepOwnToken(f); err != nil {
		return nil, err
	}
	s := newSource(r.clock, r.most, r.connect, r.fetcher(unit, f))
	if _, err := s.Token(ctx, ""); err != nil {
		return nil, err
	}
	return kubeconfig.Connect(kubeconfig.Connection{
		Server: s.host, CA: s.ca, Tokens: s, Current: s.current, Facts: []string{f.key()},
	}, r.connect)
}

// Forget removes the metrics of a unit that is gone.
func (r *Resolver) Forget(unit types.NamespacedName) {
	o := r.involved(unit)
	r.tokens.DeleteEventsForObject(o.Kind, o.Name, o.Namespace, o.Operation)
}

func (r *Resolver) involved(unit types.NamespacedName) cache.InvolvedObject {
	return cache.InvolvedObject{Kind: r.kind, Name: unit.Name, Namespace: unit.Namespace, Operation: cache.OperationReconcile}
}

// fetcher asks the library for access by the facts.
func (r *Resolver) fetcher(unit types.NamespacedName, f *facts) fetcher {
	provider := r.providers[f.Provider]
	options := []auth.Option{auth.WithClient(r.client)}
	if f.server != "" {
		options = append(options, auth.WithClusterAddress(f.server))
	}
	if f.Cluster != "" {
		options = append(options, auth.WithClusterResource(f.Cluster))
	}
	if f.CA != "" {
		options = append(options, auth.WithCAData(f.CA))
	}
	if len(f.Audiences) > 0 {
		options = append(options, auth.WithAudiences(f.Audiences...))
	}
	if f.ServiceAccount != "" {
		options = append(options, auth.WithServiceAccountName(f.ServiceAccount), auth.WithServiceAccountNamespace(f.Namespace))
	}
	return func(ctx context.Context, fresh bool) (*auth.RESTConfig, error) {
		all := slices.Clone(options)
		if r.tokens != nil && !fresh {
			all = append(all, auth.WithCache(*r.tokens, r.involved(unit)))
		}
		conf, err := fetch(ctx, provider, all)
		if err != nil {
			return nil, f.explain(err)
		}
		return conf, nil
	}
}

// fetch asks the library, which follows pointers of answers that need not be
// there, such as the endpoint of a cluster that is being made.
func fetch(ctx context.Context, provider auth.RESTConfigProvider, options []auth.Option) (conf *auth.RESTConfig, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	defer func() {
		if recover() != nil {
			conf, err = nil, errors.New("the answer of the provider is incomplete; the cluster may not be ready yet")
		}
	}()
	return auth.GetRESTConfig(ctx, provider, options...)
}

// keepOwnToken refuses to send a token of the controller's own ServiceAccount
// with an audience that its own cluster accepts: who writes the ConfigMap could
// have it sent to a server of their own. The token of the pod names these audiences.
func (r *Resolver) keepOwnToken(f *facts) error {
	if f.Provider != generic || f.ServiceAccount != "" {
		return nil
	}
	token, err := r.readFile(ownToken)
	if err != nil {
		return fault.Retry(meta.ReasonReconciliationFailed,
			fmt.Errorf("reading the token of the controller's pod: %w", err),
			fault.Hint("name a ServiceAccount in %s", keyServiceAccount))
	}
	home, err := audiences(token)
	if err != nil {
		return fault.Retry(meta.ReasonReconciliationFailed, err)
	}
	for _, audience := range f.Audiences {
		if slices.Contains(home, audience) {
			return refuse(keyAudiences, "a token of the controller for %s would open the cluster it runs in, and is not sent elsewhere; name a ServiceAccount in %s",
				shown(audience), keyServiceAccount)
		}
	}
	return nil
}

// audiences reads whom a token is for. It was handed to us, so its signature does
// not matter.
func audiences(token []byte) ([]string, error) {
	malformed := errors.New("reading the token of the controller's pod: it is not a JSON web token with audiences")
	parts := strings.Split(strings.TrimSpace(string(token)), ".")
	if len(parts) != 3 {
		return nil, malformed
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, malformed
	}
	var many struct {
		Audience []string `json:"aud"`
	}
	if json.Unmarshal(payload, &many) == nil && len(many.Audience) > 0 {
		return many.Audience, nil
	}
	var one struct {
		Audience string `json:"aud"`
	}
	if json.Unmarshal(payload, &one) == nil && one.Audience != "" {
		return []string{one.Audience}, nil
	}
	return nil, malformed
}

// explain names who was asked, and whose token it was to be.
func (f *facts) explain(err error) error {
	whose := "the controller"
	if f.ServiceAccount != "" {
		whose = fmt.Sprintf("ServiceAccount %s/%s", f.Namespace, f.ServiceAccount)
	}
	var options []fault.Option
	switch {
	case !apierrors.IsNotFound(err) || f.ServiceAccount == "":
	case f.defaulted:
		options = append(options, fault.Hint("this installation uses a ServiceAccount %s in every namespace; have it made, or name another in %s", f.ServiceAccount, keyServiceAccount))
	default:
		options = append(options, fault.Hint("make it, or correct %s", keyServiceAccount))
	}
	return fault.Retry(meta.ReasonReconciliationFailed,
		fmt.Errorf("getting a token of %s for a cluster of provider %s: %w", whose, f.Provider, steady(err)), options...)
}

// changing finds what answers of cloud providers have that is new every time.
var changing = regexp.MustCompile(`(?i),?\s*(?:(?:request|trace|correlation) ?id: ?[0-9a-z-]{8,}|timestamp: ?[0-9tz:. -]+)`)

// steadyError is an error with a text that is the same when the cause is.
type steadyError struct {
	text string
	err  error
}

// Error returns the text.
func (e *steadyError) Error() string { return e.text }

// Unwrap returns the cause.
func (e *steadyError) Unwrap() error { return e.err }

// steady puts an error of a cloud library on one line, without secrets of URLs
// and what is new every time, and cuts it.
func steady(err error) error {
	const most = 600
	text := strings.Join(strings.Fields(changing.ReplaceAllString(egress.RedactError(err).Error(), "")), " ")
	if len(text) > most {
		text = text[:most] + "…"
	}
	return &steadyError{text: text, err: err}
}
