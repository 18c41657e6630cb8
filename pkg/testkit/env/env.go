package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capstan-gitops/capstan/devcluster"
)

const (
	crdTimeout  = 30 * time.Second
	crdInterval = 20 * time.Millisecond
)

// Env is an API server that runs.
type Env struct {
	cluster *devcluster.Cluster
	config  *rest.Config
}

// Main runs the tests of a package with an API server, which it stores in env for them, and returns the exit code.
//
//	var testEnv *env.Env
//
//	func TestMain(m *testing.M) { os.Exit(env.Main(m, &testEnv)) }
func Main(m *testing.M, env **Env, opts ...Option) int {
	started, err := Start(context.Background(), opts...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*env = started
	// What libraries log on behalf of the whole process belongs to no test. The binaries that tests run have loggers of
	// their own.
	klog.SetLoggerWithOptions(logr.Discard(), klog.ContextualLogger(true))
	ctrllog.SetLogger(logr.Discard())
	code := m.Run()
	if err := started.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Start starts an API server and installs the CustomResourceDefinitions. The context bounds the start only.
func Start(ctx context.Context, opts ...Option) (*Env, error) {
	o := options{profile: devcluster.APIServerOnly}
	for _, opt := range opts {
		opt(&o)
	}
	paths, err := o.crds()
	if err != nil {
		return nil, fmt.Errorf("finding the CustomResourceDefinitions: %w", err)
	}
	cluster, err := devcluster.Start(ctx, devcluster.Options{Profile: o.profile, Audit: o.audit})
	if err != nil {
		return nil, err
	}
	env := &Env{cluster: cluster}
	if err := env.prepare(paths); err != nil {
		return nil, errors.Join(err, cluster.Stop())
	}
	return env, nil
}

func (e *Env) prepare(paths []string) error {
	identity, err := e.cluster.ClientCert("tester", []string{"system:masters"})
	if err != nil {
		return err
	}
	e.config = e.restConfig(identity)
	if len(paths) == 0 {
		return nil
	}
	_, err = envtest.InstallCRDs(e.Config(), envtest.CRDInstallOptions{
		Paths:              paths,
		ErrorIfPathMissing: true,
		MaxTime:            crdTimeout,
		PollInterval:       crdInterval,
	})
	if err != nil {
		return fmt.Errorf("installing the CustomResourceDefinitions: %w", err)
	}
	return nil
}

// Stop ends the API server and removes its state.
func (e *Env) Stop() error { return e.cluster.Stop() }

// Config returns the configuration of a client that may do everything and is not throttled.
func (e *Env) Config() *rest.Config { return rest.CopyConfig(e.config) }

// ConfigFor returns the configuration of a client that acts as a user with groups.
func (e *Env) ConfigFor(user string, groups ...string) (*rest.Config, error) {
	identity, err := e.cluster.ClientCert(user, groups)
	if err != nil {
		return nil, err
	}
	return e.restConfig(identity), nil
}

// ServiceAccount returns the configuration of a client with the rights of a ServiceAccount, which need not exist.
func (e *Env) ServiceAccount(namespace, name string) (*rest.Config, error) {
	user, groups := devcluster.ServiceAccountIdentity(namespace, name)
	return e.ConfigFor(user, groups...)
}

// Cluster returns the cluster, for pausing it or for reading what it uses.
func (e *Env) Cluster() *devcluster.Cluster { return e.cluster }

// AuditLog returns the file of the audit log, or nothing if auditing is off.
func (e *Env) AuditLog() string { return e.cluster.AuditLog() }

func (e *Env) restConfig(identity devcluster.ClientCert) *rest.Config {
	return &rest.Config{
		Host: e.cluster.RESTURL(),
		QPS:  -1, // The server's own fairness is throttle enough.
		TLSClientConfig: rest.TLSClientConfig{
			CertData: identity.Cert,
			KeyData:  identity.Key,
			CAData:   identity.CA,
		},
	}
}
