// Package cluster reaches the clusters that units are applied to: the
// one the controller runs in and those of kubeconfigs, each under the identity
// that a unit names.
//
// What is known of a cluster (its live table, its kinds, its connections) is
// shared by everybody who applies to it; what acts (the applier) belongs to one
// identity. A remote cluster is released when nobody applies to it any more.
package cluster
