package faults

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// rule answers a request, by itself or by what comes next.
type rule func(w http.ResponseWriter, r *http.Request, next http.Handler)

// pass is the rule that breaks nothing.
func pass(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(w, r) }

// refuse cuts every connection.
func refuse(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// proxy stands between one process and the API server, with the identity of kustomize-controller.
type proxy struct {
	*httptest.Server
	mu    sync.Mutex
	rule  rule
	calls []call
}

// call is a request that the server answered.
type call struct {
	*http.Request
	code int
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	user, groups := devcluster.ServiceAccountIdentity(world.Namespace, string(world.Kustomize))
	identity, err := shared.Cluster().KubeconfigFor(user, groups)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(identity)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{rule: pass}
	forward := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		// Whoever asks gets what a broken connection gives.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusRecorder{ResponseWriter: w}
		defer func() { p.record(call{r, seen.code}) }()
		forward.ServeHTTP(seen, r)
	})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.current()(w, r, next) }))
	t.Cleanup(func() {
		p.CloseClientConnections()
		p.Close()
	})
	return p
}

// statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (s *statusRecorder) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets answers be flushed.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (p *proxy) record(c call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
}

func (p *proxy) current() rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rule
}

// follow sets the rule for requests to come.
func (p *proxy) follow(r rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = r
}

// position is a moment in what was recorded.
func (p *proxy) position() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.calls)
}

// since returns the requests that were answered after a position and are as asked.
func (p *proxy) since(position int, chosen func(*http.Request) bool) []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []call
	for _, c := range p.calls[position:] {
		if chosen(c.Request) {
			found = append(found, c)
		}
	}
	return found
}

// kubeconfig leads to the proxy. It holds no secret: the proxy has the identity.
func (p *proxy) kubeconfig(t *testing.T) []byte {
	t.Helper()
	content, err := clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"proxy": {Server: p.URL}},
		Contexts:       map[string]*clientcmdapi.Context{"proxy": {Cluster: "proxy"}},
		CurrentContext: "proxy",
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// writes selects a request that changes something for somebody: not a question, not a rehearsal, not a lease or an event.
func writes(r *http.Request) bool {
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodHead, r.URL.Query().Has("dryRun"):
		return false
	}
	for _, upkeep := range []string{"/leases", "/events", "accessreviews", "tokenreviews"} {
		if strings.Contains(r.URL.Path, upkeep) {
			return false
		}
	}
	return true
}
