// Package kustomize turns a file tree into Kubernetes objects with the kustomize
// library and records everything the result depends on.
//
// A Builder is made once per process, because the library keeps its OpenAPI
// schema in process-wide state: the Builder's lock is what lets ordinary builds
// share one parsed schema in parallel while a build that brings its own schema
// runs alone (see internal/schema).
//
// The library sees the tree through a file system of ours (see fsys.go and
// internal/view). That is the only door: a path that leaves the tree, a symbolic
// link, a chart, or a plug-in is refused before the library acts on it, and every
// file read, directory listed and look-up that found nothing is in the Recording.
// As long as Recording.Check reports no change against a newer tree, a build of
// that tree gives the same objects.
//
// The library fetches nothing. A remote entry of resources or components is
// replaced by a path to what Request.Remote fetched, which lies beside the tree
// under a name that cannot be guessed; neither can refer to the other by a path.
//
// The library compares every object with all others whenever it adds one. Large
// trees that only use features which treat each object by itself are therefore
// built in pieces, and only pieces with a changed file again (see internal/piece).
// A property test holds the two ways against each other.
package kustomize
