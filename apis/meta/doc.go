// Package meta holds what the kinds of all Capstan API groups share: the reasons
// and types of conditions, references to other objects, durations, artifacts,
// the common part of a status, and the traits by which the controllers'
// machinery reaches it.
//
// Every type is wire-identical with its counterpart in the Flux API. Fields are
// read from objects that anybody may have written, so nothing here rejects a
// value while decoding: one bad object must never make a list undecodable.
//
// +kubebuilder:object:generate=true
package meta
