// Package apply writes objects to a cluster: by server-side apply, in stages,
// with every object of a stage validated before the first one is written.
//
// The number of requests follows from what is to be done and from nothing else:
// N changed objects take N dry-runs and N applies; one changed object that is
// known to be ours takes one apply, because an apply of one object validates and
// writes it in one step. The answer to a dry-run tells whether the object
// exists, which policies it carries and whose fields are to be taken over, so
// that nothing is read first.
//
// Deletions carry the UID and resource version they were decided on, and an
// object counts as deleted only when the server has confirmed that it is not
// there.
package apply
