// Package world starts everything that a story needs, on loopback and for real: a Kubernetes control plane with nodes, a
// Git server, a chat service that records what it hears, and our controllers, as processes.
//
// Each controller carries a client certificate with the user and the groups of its ServiceAccount, and nothing else: what
// it may do is what the shipped roles grant. A world is gone without a trace when the program that started it ends.
package world
