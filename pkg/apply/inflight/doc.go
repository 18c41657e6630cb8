// Package inflight bounds the requests in flight to what a server takes.
//
// The bound is a fixed number until the server refuses: a refusal (429, a time-out)
// halves it, and good answers bring it back. How long answers take says nothing here;
// a limit that followed latency was measured and made nothing faster (docs/design/0006).
//
// Who waits is served by priority, and among equals in turn: a unit with five
// thousand objects waits in one line, and a unit with one object in another.
package inflight
