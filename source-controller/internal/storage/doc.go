// Package storage keeps artifacts on disk: one folder an object, one file a
// revision, and beside it the index of its content.
//
//	<root>/<kind>/<namespace>/<name>/<file>        the artifact
//	<root>/<kind>/<namespace>/<name>/<file>.index  its index
//
// A file appears under its name only when it is complete and synced, the
// artifact after its index. What is served was verified against its digest once
// since it last changed on disk. Every path goes through os.Root, so nothing
// outside the root can be reached.
package storage
