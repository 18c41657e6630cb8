// Package fault gives errors the three facts that the rest of Capstan needs to
// know about a failure: its Reason, which users see on conditions and events,
// its retry class, which decides when the object is reconciled again, and a hint
// that says what to do next.
//
// The facts are added once, at the edge that knows them (the Git adapter knows
// that an authentication failed), and read once, by the reconciler. Every layer
// between them wraps the error with %w as it would any other, so nothing is
// classified twice.
package fault
