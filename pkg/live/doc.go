// Package live knows, without asking the API server, whether what Capstan
// applied is still what is there.
//
// A Table keeps one metadata-only watch for every kind that some unit owns
// objects of, restricted to objects that carry the owner label, and reduces every
// object to a fingerprint of two parts: a strong one that changes when somebody
// changed what was applied, and a weak one that changes when the object changed in a
// way that may or may not concern us. Beside it are the policies on the object, and
// whether fields of another manager are to be taken over. The fingerprint is
// compared with the ledger that a unit hands in (Expect); what does not agree is in
// the unit's Judgement, as a drift.State for each object, and the unit is woken.
//
// What the watch does not show is unknown, never absent: a removed label looks
// like a deletion. What another writer claims in a label counts only for the
// unit it names, and only as far as that unit has the object in its inventory.
//
// Events are believed in the order of their resource versions, not in the order in
// which they come; a list is as new as the moment it began. A server that went
// back in time makes everything dirty. A finding of Dirty or Suspect names who
// wrote, where managedFields showed it when the change was seen.
//
// The parts: ownership reads metadata for the owner of objects, observation is what
// is kept of an object, stream lists and watches, coalesce shares lists among those
// who ask for one, schedule holds what is delayed. Beside the Table, named watches
// single objects by name and definitions watches CustomResourceDefinitions.
//
// The exported methods of a Table may be called at any time from any goroutine.
// None of them makes a request; the requests are those of the watches, and of
// the lists that Refresh asks for.
package live
