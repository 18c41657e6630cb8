// Package phase holds the steps by which a source becomes an artifact. The kinds
// share them; what differs is behind upstream.Upstream. In order:
//
//	prepare   is the stored artifact still what it was?
//	connect   read the credentials
//	resolve   which revision does the source offer? the same as stored: done
//	fetch     get its content
//	publish   pack, index and store it
//	collect   remove what is no longer needed
package phase
