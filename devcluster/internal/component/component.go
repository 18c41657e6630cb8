// Package component says how each process of the control plane is started: values in, command lines out.
package component

import (
	"path/filepath"
	"strconv"
)

// The processes of a control plane, by the names of their binaries.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kwok              = "kwok"
)

// Files of the state directory. The paths are relative: every process runs in the state directory, which keeps the paths
// of the sockets short however deep that directory lies.
const (
	ServerCA       = "pki/ca.crt"
	ServerCAKey    = "pki/ca.key"
	ClientCA       = "pki/client-ca.crt"
	ClientCAKey    = "pki/client-ca.key"
	ServerCert     = "pki/apiserver.crt"
	ServerKey      = "pki/apiserver.key"
	TokenKey       = "pki/service-account.key"
	TokenPublicKey = "pki/service-account.pub"
	AuditPolicy    = "audit-policy.yaml"
	AuditLog       = "audit.log"
	KwokConfig     = "kwok.yaml"
	LogFolder      = "logs"
)

const (
	// clientSocket and peerSocket are files in the state directory; etcd wants an address of the form host:port.
	clientSocket = "unix://client:1"
	peerSocket   = "unix://peer:1"
	member       = "devcluster"

	serviceRange = "10.96.0.0/16"
	podRange     = "10.97.0.0/16"
	nodeAddress  = "10.98.0.1"
	issuer       = "https://kubernetes.default.svc.cluster.local"
)

// FirstServiceIP is the address of the Service kubernetes, which the serving certificate must name.
const FirstServiceIP = "10.96.0.1"

// Config is what the command lines depend on.
type Config struct {
	// Port is where the API server listens on loopback.
	Port int
	// Audit switches the audit log on.
	Audit bool
	// ServiceAccounts says that a controller manager runs and makes the default ServiceAccount of each namespace.
	// Without one, pods could not be created if the API server insisted on it.
	ServiceAccounts bool
}

// Log returns the log file of a process.
func Log(name string) string { return filepath.Join(LogFolder, name+".log") }

// Kubeconfig returns the client configuration of a process.
func Kubeconfig(name string) string { return name + ".kubeconfig" }

// Args returns the arguments of a process.
func Args(name string, c Config) []string {
	switch name {
	case Etcd:
		return etcd()
	case APIServer:
		return apiServer(c)
	case ControllerManager:
		return controllerManager()
	case Scheduler:
		return scheduler()
	case Kwok:
		return kwok()
	default:
		return nil
	}
}

// etcd trades durability for speed: nothing is synced to disk, and the only member elects itself at once.
func etcd() []string {
	return []string{
		"--name=" + member,
		"--data-dir=etcd",
		"--listen-client-urls=" + clientSocket,
		"--advertise-client-urls=" + clientSocket,
		"--listen-peer-urls=" + peerSocket,
		"--initial-advertise-peer-urls=" + peerSocket,
		"--initial-cluster=" + member + "=" + peerSocket,
		"--unsafe-no-fsync",
		"--heartbeat-interval=20",
		"--election-timeout=100",
		"--quota-backend-bytes=4294967296",
		"--enable-grpc-gateway=false",
		"--log-level=warn",
	}
}

func apiServer(c Config) []string {
	args := []string{
		"--etcd-servers=" + clientSocket,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(c.Port),
		"--permit-port-sharing", // The launcher keeps the port reserved.
		// The Service kubernetes gets no endpoints: nothing runs in the pods, and loopback would not be accepted there.
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		"--tls-cert-file=" + ServerCert,
		"--tls-private-key-file=" + ServerKey,
		"--client-ca-file=" + ClientCA,
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + TokenPublicKey,
		"--service-account-signing-key-file=" + TokenKey,
		"--service-cluster-ip-range=" + serviceRange,
		"--authorization-mode=RBAC",
		"--enable-priority-and-fairness=true",
		"--allow-privileged=true",
		"--profiling=false",
		"--shutdown-delay-duration=0s",
	}
	if !c.ServiceAccounts {
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	if c.Audit {
		args = append(args,
			"--audit-policy-file="+AuditPolicy,
			"--audit-log-path="+AuditLog,
			"--audit-log-format=json",
			"--audit-log-maxsize=10240") // Tests count requests: the log must not rotate away under them.
	}
	return args
}

// The limits on requests are far above the defaults: the controllers of a test cluster must not be what a test waits for.
func controllerManager() []string {
	return []string{
		"--kubeconfig=" + Kubeconfig(ControllerManager),
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + TokenKey,
		"--root-ca-file=" + ServerCA,
		"--leader-elect=false",
		"--secure-port=0",
		"--allocate-node-cidrs=false",
		"--kube-api-qps=300",
		"--kube-api-burst=600",
		"--profiling=false",
	}
}

func scheduler() []string {
	return []string{
		"--kubeconfig=" + Kubeconfig(Scheduler),
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=300",
		"--kube-api-burst=600",
		"--profiling=false",
	}
}

func kwok() []string {
	return []string{
		"--kubeconfig=" + Kubeconfig(Kwok),
		"--config=" + KwokConfig,
		"--manage-all-nodes=true",
		"--node-ip=" + nodeAddress,
		"--cidr=" + podRange,
		"--node-lease-duration-seconds=40",
	}
}
