// Package env gives tests a real API server: etcd and kube-apiserver of the devcluster, one per test process, with the
// CustomResourceDefinitions of the product installed. No controllers run: what a test stores stays as it is, except for
// what the test's own controllers do. Objects are not garbage collected and deleted namespaces stay; a test makes a
// namespace of its own and leaves it.
package env
