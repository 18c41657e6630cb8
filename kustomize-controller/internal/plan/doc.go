// Package plan decides what a pass does to the objects of a Kustomization: which
// it applies, which it only verifies, which it leaves alone, and which it would
// delete, and whether that needs consent first (Deletion, Budget). It compares
// what is desired with the ledger and with what is known of the live objects; it
// asks nobody and does nothing.
package plan
