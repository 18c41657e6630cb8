package env

import (
	"path/filepath"

	"github.com/capstan-gitops/capstan/devcluster"
)

// crdFolder holds the generated CustomResourceDefinitions, below the root of the repository.
const crdFolder = "manifests/crds"

// Option changes what Start starts.
type Option func(*options)

type options struct {
	crdPaths []string
	noCRDs   bool
	audit    bool
	profile  devcluster.Profile
}

// CRDs installs the CustomResourceDefinitions of these files or folders instead of those in manifests/crds.
func CRDs(paths ...string) Option {
	return func(o *options) { o.crdPaths = append(o.crdPaths, paths...) }
}

// NoCRDs installs no CustomResourceDefinitions.
func NoCRDs() Option { return func(o *options) { o.noCRDs = true } }

// Audit makes the API server log every request; Env.AuditLog names the file.
func Audit() Option { return func(o *options) { o.audit = true } }

// Controllers runs kube-controller-manager too: namespaces can be deleted, owned objects are garbage collected, and
// aggregated roles have their rules.
func Controllers() Option { return func(o *options) { o.profile = devcluster.WithControllers } }

// Nodes runs the scheduler too, and a node on which pods run: workloads become what their manifests say.
func Nodes() Option { return func(o *options) { o.profile = devcluster.Full } }

func (o options) crds() ([]string, error) {
	if o.noCRDs || len(o.crdPaths) > 0 {
		return o.crdPaths, nil
	}
	root, err := devcluster.Root()
	if err != nil {
		return nil, err
	}
	return []string{filepath.Join(root, filepath.FromSlash(crdFolder))}, nil
}
