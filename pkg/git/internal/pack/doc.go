// Package pack verifies the pack a Git server sent and reads objects out of it.
//
// A pack lies in a spool, in memory or in a file without a name. One pass over
// it checks the checksum of the whole, the form, size and hash of every object,
// and that every difference has its base; only then does anybody look inside.
// Files stored whole are streamed; what was sent as a difference, and trees and
// commits, are held in memory within a limit.
package pack
