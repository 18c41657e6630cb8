// Package reconciler is the skeleton of every controller:
//
//	get → log context → snapshot ┬→ deleting?  → finalize phases ─┐
//	                             ├→ finalizer missing? → add it  ─┤
//	                             ├→ suspended? → stop            ─┤→ status.Derive → patch once
//	                             └→ phases in order → Outcome    ─┘   → event → metrics → requeue
//
// A controller supplies a Kind: its name, how a pass gets its scope, and two
// lists of phases. A phase touches at most one outside system, calls a pure
// function for its decision, writes no condition and no event, and is safe to
// run again.
//
// The status is written once at the end of a pass, with one merge patch, and not
// at all when nothing changed. A pass that takes longer than a second says so
// with a second one.
//
// An object that is waiting says so after a second: its status and its events are
// deferred until then, and the next pass begins from them as if they had been
// written. What comes within the second is written together. In the same way
// success is deferred while others wait to be put right. A process that ends
// meanwhile loses no more than one that ends just before a status write.
package reconciler
