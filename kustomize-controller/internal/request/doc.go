// Package request reads what the spec of a Kustomization asks for: what it adds to
// a build, and which of its fields this version does not act on.
package request
