// Package remotebase fetches what kustomization files refer to outside of their
// tree: single files and Git repositories, both over HTTP.
//
// An address is written by a tenant, so nothing that the controller has goes
// with it: no credentials, and none are taken from the address either, because
// they would end up wherever the address is shown. Connections are dialled by
// pkg/egress, which keeps them off link-local and metadata addresses, and what
// comes back is bounded.
//
// A tree is held by its commit for as long as it is among those used last, so
// that units that share a base, and the next build, do not fetch it again. A
// branch is resolved in every build: what it stood for before is never assumed.
package remotebase
