// Package deletion removes what a unit applied and does not want any more. It
// decides what may go without consent (Request, Budget), reads what is about to go,
// keeps it in a snapshot, and deletes it in the reverse of the order in which it
// was applied.
package deletion
