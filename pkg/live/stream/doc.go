// Package stream lists metadata and then watches it, and starts over whenever
// the watch cannot go on. What is read goes to a Sink.
//
// A stream is of one kind, of all objects, of one namespace or of one object,
// with a label selector or without. It makes no request but lists and watches,
// never polls, and pauses after failures, each time longer. A list is always as
// new as the moment it began.
package stream
