// Package devcluster starts a real Kubernetes control plane on loopback: etcd, kube-apiserver and, on request,
// kube-controller-manager, kube-scheduler and kwok, which plays nodes and the pods on them.
//
// The binaries are the upstream ones, built once from Go modules into a cache. A cluster keeps its state in one directory,
// in memory where the machine offers it; several clusters run side by side. Its processes cannot outlive the process that
// started them, however that ends. Linux only.
package devcluster
