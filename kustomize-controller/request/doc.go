// Package request reads what the spec of a Kustomization asks for: what it adds to
// a build, which objects it refers to, depends on and waits for, and the
// expressions in it, compiled.
package request
