// Package provider holds what all services that take notifications share: the
// settings read from a Provider and its Secrets, the HTTP client they shape, and
// one way of posting.
//
// Secrets are read into Settings and leave it only in requests. No error shows
// them: what the far side answers is never part of an error, and everything else
// passes Settings.Clean.
package provider
