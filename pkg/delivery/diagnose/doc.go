// Package diagnose finds out why objects whose health was awaited are not well:
// it reads them and their pods, and lets pkg/health/cause put it in a sentence.
//
// It is asked only when a health check failed or ran out of time, so a unit that
// is well never pays for it; and then for a few objects, for a short time, with
// at most three requests each. What may not be read stays without a cause: a
// diagnosis is a help, never a failure.
package diagnose
