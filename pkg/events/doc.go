// Package events reports what happened: every event becomes a Kubernetes
// Event about the object and, unless it is a trace, an HTTP request to
// notification-controller.
//
// Neither is sent on the reconcile path. Kubernetes Events go through
// client-go's broadcaster, requests through a spool that is bounded, keeps the
// order, and tries again while notification-controller is away.
package events
