// Package manifests holds what installs Capstan in a cluster, and builds it without a checkout of the repository.
//
// The folders are ordinary kustomizations: what Build returns for "install" is what
// kubectl apply -k manifests/install applies.
package manifests

import "embed"

// Files are all kustomizations: install, the bases it is made of, profiles of it, and clusters.
//
//go:embed crds components rbac policies install profiles clusters
var Files embed.FS
