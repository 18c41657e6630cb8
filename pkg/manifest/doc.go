// Package manifest holds what is known about Kubernetes objects as documents:
// reading and writing streams of them, the order in which they are applied, their
// digests, and what of them may be shown.
//
// It is pure: bytes and values in, values out.
package manifest
