// Package once keeps expensive values by key: each is made once for everybody
// who wants it at the same time, held while it is used, and dropped when a
// budget is exceeded.
package once
