// Package conformance is the suite that every type of Provider passes: how it
// takes success, refusal, and every kind of misbehaviour of the far side, and
// that none of them shows a secret. It consists of tests only; a type joins it
// with a line in its table.
package conformance
