// Package revision parses, prints and compares the revisions that sources
// publish: a human-readable name and a digest, such as "main@sha1:<40 hex>",
// "sha1:<40 hex>" or "latest@sha256:<64 hex>".
//
// A revision is text on the wire. Everything that needs to know what it stands
// for comes here, so that a name which itself contains "@" or ":" is taken
// apart the same way everywhere.
package revision
