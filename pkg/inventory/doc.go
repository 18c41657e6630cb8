// Package inventory holds what a unit has applied: the identity of
// every object and, beside it, a ledger record of two short digests. The desired
// digest says what was asked for, the live fingerprint says what the API server answered.
// Together with a metadata watch they make it possible to know that nothing has
// to be done without asking the API server.
//
// An entry leaves an inventory only when the object is known to be gone or when
// it was released on purpose; see Inventory.Without.
//
// Desired digests and that of the inputs are keyed (Key): a plain digest of a
// Secret's content in a readable status would let a reader test guesses.
package inventory
