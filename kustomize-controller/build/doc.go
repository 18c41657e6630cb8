// Package build turns the artifact of a Kustomization into the objects that are
// to be applied: fetched, decrypted, built, substituted, normalised, and in the
// order in which they are applied. It is one function of the artifact, the spec
// and the content of what the spec refers to.
package build
