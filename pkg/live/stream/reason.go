package stream

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
)

// Reason says in a few words why something cannot be watched. It never holds what
// the server answered, so that it does not change while nothing changes.
type Reason string

// The reasons.
const (
	// NotServed is a kind that the cluster does not know, or does not know any more.
	NotServed Reason = "the cluster does not serve it"
	// Forbidden is a kind or a namespace that we may not list or watch.
	Forbidden Reason = "listing or watching it is not allowed"
	// NotWatchable is a kind that does not support lists or watches.
	NotWatchable Reason = "it does not support watching"
	// Unreachable is everything that is likely to pass.
	Unreachable Reason = "the server does not answer"
)

// Lasting reports a reason that does not pass by itself.
func (r Reason) Lasting() bool { return r != "" && r != Unreachable }

// ReasonOf sorts an error.
func ReasonOf(err error) Reason {
	switch {
	case apimeta.IsNoMatchError(err), apierrors.IsNotFound(err):
		return NotServed
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return Forbidden
	case apierrors.IsMethodNotSupported(err):
		return NotWatchable
	}
	return Unreachable
}
