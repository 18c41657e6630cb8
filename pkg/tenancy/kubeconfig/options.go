package kubeconfig

import (
	"time"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

const (
	// MaxSize is the largest kubeconfig that is read.
	MaxSize = 1 << 20
	// maxParts bounds what the reader builds of it: every value costs more memory
	// than text, and a kubeconfig of a hundred contexts has a twentieth of these.
	maxParts = 50_000
	// defaultTimeout bounds a request that does not watch.
	defaultTimeout = 30 * time.Second
)

// Options say what a kubeconfig may do. The zero value is the strictest.
type Options struct {
	// AllowExec lets a kubeconfig start programs of the controller's image.
	AllowExec bool
	// AllowInsecureTLS lets a kubeconfig do without verified TLS.
	AllowInsecureTLS bool
	// Guard says which addresses may be dialled.
	Guard egress.Guard
	// Timeout bounds a request that does not watch; 30 seconds if zero.
	Timeout time.Duration
}

func (o Options) timeout() time.Duration {
	if o.Timeout == 0 {
		return defaultTimeout
	}
	return o.Timeout
}
