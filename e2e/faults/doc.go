// Package faults breaks what surrounds the controllers, and the controllers themselves, and says what has to be true
// afterwards. Each test names its row of the list of faults. The binaries are the real ones, each a process whose requests
// go through a proxy that the test holds.
package faults
