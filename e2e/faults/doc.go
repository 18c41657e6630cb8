// Package faults breaks what surrounds the controllers, and the controllers themselves, and says what has to be true
// afterwards. Each test says what it guards against. The binaries are the real ones, each a process whose requests
// go through a proxy that the test holds.
package faults
