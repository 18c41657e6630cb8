// Package watch decides what wakes a controller: the predicates that all kinds
// share.
package watch
