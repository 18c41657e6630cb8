// Package plan decides what a pass does to the objects of a unit: which it applies,
// which it only verifies, which it leaves alone, and which are no longer desired. It
// compares what is desired with the ledger and with what is known of the live
// objects; it makes no request and changes nothing.
package plan
