// Package steps holds the verbs that stories are written in: commit, become ready, run an image, hear a message, stay
// unchanged. A verb says what it waits for, waits by watching, and reports on failure what it saw last.
package steps
