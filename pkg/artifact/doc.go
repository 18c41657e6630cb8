// Package artifact packs a tree into the archive that sources publish, indexes
// it, and on the other side fetches, verifies and reads it.
//
// The archive is a gzipped tar whose bytes depend on nothing but the names,
// modes and contents packed. Beside it stands an Index, from which a consumer
// learns what changed without fetching the archive. A consumer never unpacks
// into a folder: a View reads files out of one spool by offset, checks each
// against its digest as it is read, and recomputes the index from what really
// was in the archive.
//
// Archives come over the network and their content from strangers. Whatever an
// archive can do wrong is refused with a sentence that says what; every size is
// bounded.
package artifact
