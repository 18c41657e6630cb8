// Package named watches single objects by their names, metadata only: what a unit
// refers to, and what it waits for outside of its inventory.
//
// A unit says per topic which objects it follows (Watcher.Follow), reads what is
// known of them (Watcher.Lookup), and is woken when one of them
// appears, changes or goes. Nothing is ever polled; no method makes a request.
//
// However many units follow an object, it is watched once. Few names are watched
// one by one, which needs no permission beyond those names; more than sixteen of a
// kind in a namespace are watched as that namespace, more than 256 of a kind in
// the cluster as that kind, and what nobody follows is dropped as it comes in.
// When there are no more than that again, the watch is split. A wider watch that is not
// allowed is replaced by narrower ones. An object is known all the while: a watch
// ends when another has taken over.
//
// An object that was listed is known; that one is absent is known from a list that
// is complete, never from anything else. While an object cannot be watched
// (its kind is not served, or may not be watched) nothing is known of it, and
// whoever follows it has to read it when it is needed: Watcher.Unwatchable
// says which, and why. The watch is tried again, after pauses of up to a minute or
// when KindsChanged says so, and followers are notified of what it finds.
package named
