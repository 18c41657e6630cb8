// Package hosts keeps a controller from pressing remote hosts that do not answer: all
// objects that talk to a host share one back-off for it. Requests to a host that cannot
// be connected to are spaced, whoever makes them. What one tenant may bring about for
// itself (5xx, 429, a broken connection, a time-out) spaces only requests of the same
// namespace to that host, so that nobody can keep others from theirs. Refusals such as
// 401 and 404 are answers.
package hosts
