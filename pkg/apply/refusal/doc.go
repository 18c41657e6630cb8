// Package refusal words what an API server had against an object, and reads from
// it what is to be done: whether another object could take the place of the one
// that cannot be changed, and what may be shown of an answer that quotes values.
//
// It is a model package: errors in, errors and texts out. A text about one object
// is one line of at most MaxText bytes, whatever the object holds.
package refusal
