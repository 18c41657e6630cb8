// Package queue wakes units: it puts them into the work queue of their controller,
// with the priority of what woke them.
package queue
