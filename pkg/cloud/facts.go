package cloud

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

// Keys of the ConfigMap.
const (
	keyProvider       = "provider"
	keyCluster        = "cluster"
	keyAddress        = "address"
	keyCA             = "ca.crt"
	keyAudiences      = "audiences"
	keyServiceAccount = "serviceAccountName"
)

const (
	aws     = "aws"
	azure   = "azure"
	gcp     = "gcp"
	generic = "generic"

	maxAudiences   = 16
	maxAudienceLen = 1024
)

// clusterNames are the names that clusters have at their providers. They become
// parts of URLs, so no character is accepted that has a meaning there.
var clusterNames = map[string]struct {
	pattern *regexp.Regexp
	example string
}{
	aws: {regexp.MustCompile(`^arn:aws[a-z-]{0,20}:eks:[a-z0-9-]{1,63}:[0-9]{1,30}:cluster/[A-Za-z0-9][A-Za-z0-9_-]{0,199}$`),
		"arn:aws:eks:<region>:<account>:cluster/<name>"},
	azure: {regexp.MustCompile(`(?i)^/subscriptions/[0-9a-z-]{36}/resourceGroups/[\w().-]{1,200}/providers/Microsoft\.ContainerService/managedClusters/[\w.-]{1,200}$`),
		"/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.ContainerService/managedClusters/<name>"},
	gcp: {regexp.MustCompile(`^projects/[a-z0-9][a-z0-9.:-]{0,199}/locations/[a-z0-9-]{1,200}/clusters/[a-z0-9-]{1,200}$`),
		"projects/<project>/locations/<location>/clusters/<name>"},
}

// facts are the checked values of a ConfigMap. They are all there is to a
// connection: equal facts are one connection.
type facts struct {
	Provider  string
	Cluster   string
	Address   string
	CA        string
	Audiences []string
	// Namespace and ServiceAccount are whose token it is; both are empty for the
	// controller's own.
	Namespace      string
	ServiceAccount string
	// server is the address in full, if one is given.
	server string
	// defaulted says that the installation chose the ServiceAccount.
	defaulted bool
}

// key names the facts. There is no secret among them.
func (f *facts) key() string {
	text, err := json.Marshal(f)
	if err != nil {
		panic("facts are text: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// refuse is an error about a key of the ConfigMap. The ConfigMap may change
// without a change of the object, so it may pass.
func refuse(key, format string, args ...any) error {
	return fault.Retry(meta.ReasonReconciliationFailed,
		fmt.Errorf("reading the ConfigMap of spec.kubeConfig: "+key+": "+format, args...))
}

// read checks the data of a ConfigMap in a namespace.
func (r *Resolver) read(namespace string, data map[string]string) (*facts, error) {
	f := &facts{Provider: data[keyProvider], Cluster: strings.TrimSpace(data[keyCluster]), CA: data[keyCA]}
	for _, read := range []func() error{
		f.readProvider,
		func() error { return f.readAddress(data[keyAddress], r.connect) },
		f.readCA,
		f.readCluster,
		func() error { return f.readAudiences(data[keyAudiences]) },
		func() error { return f.readServiceAccount(namespace, data[keyServiceAccount], r) },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *facts) readProvider() error {
	known := []string{aws, azure, gcp, generic}
	if f.Provider == "" {
		return refuse(keyProvider, "it is not set; use one of %s", strings.Join(known, ", "))
	}
	if !slices.Contains(known, f.Provider) {
		return refuse(keyProvider, "%s is none of %s", shown(f.Provider), strings.Join(known, ", "))
	}
	return nil
}

func (f *facts) readAddress(address string, o kubeconfig.Options) error {
	f.Address = strings.TrimSpace(address)
	if f.Address == "" {
		if f.Provider == generic {
			return refuse(keyAddress, "it is not set; provider generic knows no other way to find a cluster")
		}
		return nil
	}
	server, err := kubeconfig.ParseAddress(f.Address, o)
	if err != nil {
		return refuse(keyAddress, "%w", err)
	}
	f.server = server.String()
	return nil
}

func (f *facts) readCA() error {
	if f.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(f.CA)) {
		return refuse(keyCA, "it holds no PEM certificate")
	}
	return nil
}

// readCluster checks the name of the cluster where it is needed: always at AWS,
// where it names the region, and elsewhere to find what is not given.
func (f *facts) readCluster() error {
	name, needed := clusterNames[f.Provider]
	if !needed {
		f.Cluster = ""
		return nil
	}
	if f.Cluster == "" {
		if f.Provider != aws && f.Address != "" && f.CA != "" {
			return nil
		}
		return refuse(keyCluster, "it is not set; provider %s needs it as %s", f.Provider, name.example)
	}
	if !name.pattern.MatchString(f.Cluster) {
		return refuse(keyCluster, "%s is not of the form %s", shown(f.Cluster), name.example)
	}
	return nil
}

func (f *facts) readAudiences(lines string) error {
	for line := range strings.SplitSeq(lines, "\n") {
		audience := strings.TrimSpace(line)
		if audience == "" {
			continue
		}
		if len(audience) > maxAudienceLen || strings.ContainsFunc(audience, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return refuse(keyAudiences, "%s is not an audience", shown(audience))
		}
		f.Audiences = append(f.Audiences, audience)
	}
	if len(f.Audiences) > maxAudiences {
		return refuse(keyAudiences, "it has %d lines, and at most %d are used", len(f.Audiences), maxAudiences)
	}
	if f.Provider == generic && len(f.Audiences) == 0 {
		f.Audiences = []string{f.Address}
	}
	return nil
}

func (f *facts) readServiceAccount(namespace, name string, r *Resolver) error {
	name = strings.TrimSpace(name)
	if name == "" {
		name, f.defaulted = r.defaultServiceAccount, true
	}
	if name == "" {
		return nil
	}
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return refuse(keyServiceAccount, "%s is no name of a ServiceAccount", shown(name))
	}
	if !r.workloadIdentity {
		return fault.Stalled(meta.ReasonFeatureGateDisabled,
			fmt.Errorf("reading the ConfigMap of spec.kubeConfig: %s: the feature gate %s is not enabled", keyServiceAccount, gate),
			fault.Hint("have it enabled, or leave %s out to use the identity of the controller", keyServiceAccount))
	}
	f.Namespace, f.ServiceAccount = namespace, name
	return nil
}

// shown quotes a value that somebody else chose, and cuts it.
func shown(value string) string {
	const most = 120
	if len(value) > most {
		value = value[:most] + "…"
	}
	return fmt.Sprintf("%q", value)
}
