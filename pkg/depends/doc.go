// Package depends decides whether an object may proceed, given the objects it
// depends on, and names the cycle when it waits for itself.
//
// A dependency is ready when its own status says so. Where that is not what a
// dependent needs, it says in a readyExpr, in CEL, what is.
package depends
