// Package tree shows a tree of a Git repository as a read-only file system that
// reads straight from the objects of a pack.
//
// Names come from strangers. A folder with one name that some file system could
// take for the parent, for .git or for another entry is refused as a whole.
package tree
