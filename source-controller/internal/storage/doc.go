// Package storage keeps artifacts on disk: one folder an object, one file a
// revision, and beside it the index of its content, if it has one.
//
//	<root>/<kind>/<namespace>/<name>/<file>          the artifact
//	<root>/<kind>/<namespace>/<name>/<file>.index    its index
//	<root>/<kind>/<namespace>/<name>/.record-<file>  what was stored
//
// The record says which files are artifacts, with digest, size and digest of the
// index; nothing is concluded from the name of a file. A file appears under its
// name only when it is complete and synced, the artifact after its record and
// its index.
//
// No file is trusted because a record says so. The status of the object names
// the digests; files are verified against it before they are first served, and
// again when they change on disk. A record that is missing, because an older
// version stored the artifact, or that is damaged, is written anew once the
// artifact is verified. Files that belong to no recorded artifact are not
// served, and are collected.
//
// Every path goes through os.Root, so nothing outside the root can be reached.
package storage
