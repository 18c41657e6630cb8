// Package provider is the seam of the services that take notifications: what a
// service has to do (Service), what it is given (Settings, read from a Provider
// and its Secrets), and what its errors mean (Error).
//
// Beside it stand helpers, for services that want them: CheckHTTPAddress, a
// Poster of JSON with its Clients, and a Pool for connections of any other
// protocol. Nothing here knows a type of Provider; the list of them is in package
// services.
//
// Secrets are read into Settings and leave it only in requests. No error shows
// them: what the far side answers is never part of an error, and every error
// passes Deliver, which masks them.
package provider
