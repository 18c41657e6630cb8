// Package app makes a binary of a set of controllers: the flags and gates all
// binaries share, logging, the manager with its probes and metrics, and Run,
// which a main calls with the one function that is its own.
package app
