// Package kustomize turns a file tree into Kubernetes objects with the kustomize
// library and records everything the result depends on.
//
// A Builder is made once per process, because the library keeps its OpenAPI
// schema in process-wide state: the Builder's lock is what lets ordinary builds
// share one parsed schema in parallel while a build that brings its own schema
// runs alone (see internal/schema).
//
// The library sees the tree through a file system of ours (see fsys.go). That is
// the only door: a path that leaves the tree, a symbolic link, a remote base, a
// chart, or a plug-in is refused before the library acts on it, and every file
// read, directory listed and look-up that found nothing is in the Recording. As
// long as Recording.Check reports no change against a newer tree, a build of that
// tree gives the same objects.
package kustomize
