// Package ownership reads from the metadata of an object what concerns those who
// apply it: which unit owns it, whether somebody changed what was applied
// (Owner.Fingerprint), what the object asks for (Policy), whether fields of other
// managers are to become ours (Owner.TakeoverDue), and who wrote to it (Writer).
//
// The package belongs to no controller: who it is on the objects that it applies,
// a controller says in Names.
//
// It is a model package: metadata in, values out. Package live observes with it,
// and package apply acts with it.
package ownership
