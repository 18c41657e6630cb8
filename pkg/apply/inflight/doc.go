// Package inflight bounds the requests in flight to what a server takes.
//
// The bound moves with what the answers say. A refusal (429, a time-out) halves
// it. Latency moves it gently: when answers take several times as long as the
// same sort of request took at best in the last minutes, requests are waiting for
// each other inside the server, and fewer of them get as much done. Every sort of
// request is compared with itself alone (see Request), and a window of answers
// counts by its median, so that a few large objects or one slow webhook change
// nothing.
//
// Who waits is served by priority, and among equals in turn: a unit with five
// thousand objects waits in one line, and a unit with one object in another.
package inflight
