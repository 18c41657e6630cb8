// Package git finds out what a reference of a Git repository stands for and
// fetches the tree of a commit, over HTTP and HTTPS.
//
// Resolve costs one advertisement of references, and nothing for a pinned
// commit. Fetch brings the pack of one commit where the server allows it and
// gives its tree as a read-only file system that reads straight from the
// objects: nothing is checked out, so nothing in a repository can be written
// anywhere or followed out of it.
//
// Everything the other side sends is bounded: number and size of references,
// bytes of the pack, number and inflated size of objects, depth of delta
// chains. What arrives is checked before it is believed: the checksum of the
// pack, the hash of every object, the name of every tree entry.
//
// The library behind it is go-git: its pkt-line, side-band, delta and object
// code. None of its types appear in the API, and none of its process-wide
// registries are used.
package git
