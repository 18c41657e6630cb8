package upstream

import (
	"io"
	"io/fs"
)

// Content is what a revision contains. Whoever got it closes it. All of it is at
// hand: reading it asks nothing of the source any more.
type Content struct {
	// Body is a Tree or a Blob.
	Body Body
	// Event announces the new artifact.
	Event Message
	// Metadata of the artifact in the status, added to that of the candidate. An
	// upstream that passes on what others wrote leaves out their keys below
	// meta.PrefixOwn.
	Metadata map[string]string
	// Release frees what the content holds; nil holds nothing.
	Release func() error
}

// Close frees what the content holds.
func (c *Content) Close() error {
	if c.Release == nil {
		return nil
	}
	return c.Release()
}

// Body is a Tree or a Blob; there are no others.
type Body interface{ body() }

// Tree is a file system. It is packed into an archive, and the archive is
// indexed.
type Tree struct {
	// FS reads the files. Symbolic links are reported as such.
	FS fs.FS
	// Complete packs every file. Otherwise the rules of .sourceignore, of
	// spec.ignore and the defaults leave files out; an upstream sets it when
	// it has applied the rules of its kind itself.
	Complete bool
}

// Blob is a file. It is stored byte for byte and has no index.
type Blob struct {
	// Bytes of the file; those up to Size are read.
	Bytes io.ReaderAt
	// Size of the file.
	Size int64
}

func (Tree) body() {}
func (Blob) body() {}
