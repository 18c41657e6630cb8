// Package apply writes objects to a cluster: by server-side apply, in stages,
// with every object of a stage validated before the first one is written.
//
// The number of requests follows from what is to be done and from nothing else:
// N changed objects take N dry-runs and N applies; one changed object that is
// known to be ours takes one apply, because an apply of one object validates and
// writes it in one step. The answer to a dry-run says whether the object
// exists, which policies it carries and whose fields are to be taken over, so
// that nothing is read first.
//
// Run lists the steps; each is a file, and hands a value on to the next. Objects of
// which fields are ignored are read first, and left alone when they
// differ in nothing else; see package ignore. The requests themselves are made by
// package wire, within the limit of package inflight; what a server has against an
// object is worded by package refusal; package takeover puts metadata in order,
// and package await waits for what an apply leads to.
//
// Objects are sent as they are written. What the server's schema does not have it
// names when it refuses the dry-run; it is left out then, which takes one dry-run
// more, and the result names it.
//
// An object is deleted in order to be replaced only after a dry-run of its
// creation, under its own name, has shown that the replacement will be accepted.
//
// Deletions carry the UID and resource version they were decided on, and an
// object counts as deleted only when the server has confirmed that it is not
// there.
package apply
