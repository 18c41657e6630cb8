// Package wire makes the requests that applying objects takes, of one API server
// under one identity: each within the limit of package inflight, and again a
// bounded number of times when the server could not answer.
//
// Every request may be repeated, also when only its answer was lost: applies and
// dry-runs are idempotent, deletions and patches carry preconditions, and a
// creation reports when it may have been done before.
package wire
