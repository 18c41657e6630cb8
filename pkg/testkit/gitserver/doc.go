// Package gitserver serves Git repositories over smart HTTP on loopback, for
// tests, end-to-end stories and the demo.
//
// The far side is real: requests are answered by the git binary of the machine,
// one process a request, with an environment of its own so that nobody's
// configuration matters. What real servers do badly can be asked for: answers
// that are cut, corrupted, late, silent or redirected.
package gitserver
