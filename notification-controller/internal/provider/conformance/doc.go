// Package conformance is the suite that every service passes: how it takes
// success, refusal, and every kind of misbehaviour of the far side, and that no
// error shows a secret. It is imported by tests only.
//
// A service joins with one test in its own package, which calls Run with a
// Subject. The suite knows no service. What a service cannot do it declares, with
// the reason; the suite then holds it to the declaration, so that none can hide a
// case that would fail: one that says it uses no proxy has to get its message
// through although the Provider names one.
package conformance
