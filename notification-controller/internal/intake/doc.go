// Package intake is the HTTP endpoint that accepts events. It checks and cleans
// what arrives, turns duplicates away, and answers 202 only when the event has
// been accepted for good: by then every delivery it leads to is on disk.
package intake
