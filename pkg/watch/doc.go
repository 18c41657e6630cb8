// Package watch decides what wakes a controller: the predicates every kind
// shares, and the index keys and map functions by which a change of one object
// finds those that depend on it.
package watch
