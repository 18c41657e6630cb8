// Package phase holds the steps by which a source becomes an artifact. The kinds
// share them; what differs is behind upstream.Upstream. Each phase is a type in
// a file of its name, and its fields are what it needs. In order:
//
//	accept    does this version act on what the spec asks for?
//	prepare   is the stored artifact still what it was?
//	connect   read the credentials
//	resolve   which revision does the source offer? the same as stored: done
//	fetch     get its content
//	publish   store it: a tree packed and indexed, a blob as it is
//	collect   remove what is no longer needed
//
// A deleted object has one phase, remove.
package phase
