// Package cause says in one sentence why a workload is not well, from its own
// status and that of its pods: an image that cannot be pulled, a container that
// crashes, a pod that no node can take.
//
// The sentence is made for a condition. It is the same as long as the cause is:
// of several pods the gravest cause wins, then the first in the alphabet; names
// that a controller made up, times and numbers that count on are left out, and
// the states between which a kubelet swings while one thing is wrong (pulling
// and backing off, crashing and waiting) read alike. It quotes names, images,
// exit codes and what a scheduler or an admission check answered; never
// arguments, variables, or what a container wrote.
package cause
