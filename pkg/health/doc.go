// Package health judges an object by its own words: from what the object says
// about itself in its status it derives whether the object has arrived at what
// was asked for, is on its way, or has failed.
//
// The rules are those of kstatus, with one file for every kind whose status
// says something else than those rules assume, and rules that a user wrote in
// CEL (Rules) where none of them fits. Nothing here reads the cluster: the
// caller brings the object, or the fact that it is not there.
package health
