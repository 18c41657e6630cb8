// Package correction keeps account of what is corrected in a cluster: objects that
// somebody keeps changing (Fight), differences that are left as they are (Drift),
// and when every object is next verified whatever the watch says (the audit).
//
// All of it belongs to the unit, not to one attempt: it is kept when a pass fails,
// so that one object that always fails neither speeds up a fight over another nor
// has drift reported anew at every retry.
package correction
