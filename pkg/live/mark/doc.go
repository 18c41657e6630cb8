// Package mark says what the metadata of an object tells those who applied it:
// whether somebody changed what was applied (Marker), what the object asks for
// (Policy), whether fields of other managers are to be taken over (Takeover),
// and what is to be done about an object that is not as it was left (Verdict).
//
// It is a model package: metadata in, marks out. Package live observes with it,
// package apply acts with it, and plans are made of its verdicts.
package mark
