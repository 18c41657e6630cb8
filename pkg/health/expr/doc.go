// Package expr compiles and asks the CEL expressions that users write into
// specs: is this object healthy, is this dependency ready.
//
// There is one environment for all of them: the extensions for strings, sets and
// encoders, optional types, comparison of numbers of different types, and UTC
// as the time zone.
//
// An expression is written by a tenant and asked by a controller that works for
// all tenants, so what it may cost is bounded twice. A running sum of the work
// ends an evaluation that takes too long; and since that sum only learns of a
// call when the call is over, the functions whose work is more than
// proportional to what went into them, or that walk a nested value to its end,
// are asked for their price before they run.
//
// An error says what went wrong without quoting a value of the object: it ends
// up in a condition, and the object may be a Secret.
package expr
