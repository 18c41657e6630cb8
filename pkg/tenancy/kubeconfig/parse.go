package kubeconfig

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"
)

// execExtension is where a kubeconfig keeps what a program wants to know about
// the cluster.
const execExtension = "client.authentication.k8s.io/exec"

// Parse reads a kubeconfig and returns the cluster of its current context.
func Parse(content []byte, o Options) (*Endpoint, error) {
	config, err := load(content)
	if err != nil {
		return nil, err
	}
	cluster, user, err := current(config)
	if err != nil {
		return nil, err
	}
	r := reader{options: o}
	for _, read := range []func() error{
		func() error { return r.readServer(cluster) },
		func() error { return r.readTrust(cluster) },
		func() error { return r.readProxy(cluster) },
		func() error { return r.refuseOtherIdentity(user) },
		func() error { return r.readCredential(cluster, user) },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return newEndpoint(r.conn, o)
}

// current returns cluster and user of the current context.
func current(config *api.Config) (*api.Cluster, *api.AuthInfo, error) {
	name := config.CurrentContext
	if name == "" {
		return nil, nil, refuse("current-context is not set")
	}
	context, found := config.Contexts[name]
	if !found || context == nil {
		return nil, nil, refuse("current-context names context %s, which contexts does not have", shown(name))
	}
	cluster, found := config.Clusters[context.Cluster]
	if !found || cluster == nil {
		return nil, nil, refuse("context %s names cluster %s, which clusters does not have", shown(name), shown(context.Cluster))
	}
	user, found := config.AuthInfos[context.AuthInfo]
	if !found || user == nil {
		return nil, nil, refuse("context %s names a user that users does not have", shown(name))
	}
	return cluster, user, nil
}

// shown quotes a name that somebody else chose, and cuts it.
func shown(name string) string {
	const most = 80
	if len(name) > most {
		name = name[:most] + "…"
	}
	return fmt.Sprintf("%q", name)
}

// reader collects the connection that a kubeconfig describes.
type reader struct {
	options Options
	conn    connection
}

func (r *reader) drop(field string) { r.conn.dropped = append(r.conn.dropped, field) }

func (r *reader) readServer(cluster *api.Cluster) error {
	server, err := parseServer(cluster.Server, r.options)
	if err != nil {
		return refuse("server: %w", err)
	}
	r.conn.server = server
	r.conn.serverName = cluster.TLSServerName
	r.conn.noCompression = cluster.DisableCompression
	return nil
}

func (r *reader) readTrust(cluster *api.Cluster) error {
	hasCA := len(cluster.CertificateAuthorityData) > 0
	switch {
	case cluster.CertificateAuthority == "":
	case hasCA:
		r.drop("certificate-authority")
	default:
		return refuse("certificate-authority: a path is not opened; put the certificates into certificate-authority-data")
	}
	if hasCA && !x509.NewCertPool().AppendCertsFromPEM(cluster.CertificateAuthorityData) {
		return refuse("certificate-authority-data: it holds no PEM certificate")
	}
	r.conn.ca = cluster.CertificateAuthorityData
	if cluster.InsecureSkipTLSVerify {
		if r.conn.insecure = r.options.AllowInsecureTLS && !hasCA; !r.conn.insecure {
			r.drop("insecure-skip-tls-verify")
		}
	}
	return nil
}

func (r *reader) readProxy(cluster *api.Cluster) error {
	if cluster.ProxyURL == "" {
		return nil
	}
	proxy, err := parseProxy(cluster.ProxyURL, r.options)
	if err != nil {
		return refuse("proxy-url: %w", err)
	}
	r.conn.proxy = proxy
	return nil
}

func (r *reader) refuseOtherIdentity(user *api.AuthInfo) error {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"as", user.Impersonate != ""},
		{"as-uid", user.ImpersonateUID != ""},
		{"as-groups", len(user.ImpersonateGroups) > 0},
		{"as-user-extra", len(user.ImpersonateUserExtra) > 0},
	} {
		if f.set {
			return refuse("%s: a kubeconfig does not choose whom to impersonate; use serviceAccountName of the object", f.name)
		}
	}
	return nil
}

func (r *reader) readCredential(cluster *api.Cluster, user *api.AuthInfo) error {
	if err := r.readCertificate(user); err != nil {
		return err
	}
	if user.Token != "" && user.Username != "" {
		return refuse("token and username exclude each other")
	}
	if strings.ContainsFunc(user.Token, notPrintable) {
		return refuse("token: it holds a line break or another character that no token has")
	}
	r.conn.token, r.conn.username, r.conn.password = user.Token, user.Username, user.Password
	if user.Exec != nil && r.options.AllowExec && user.Token == "" && user.Username == "" {
		r.conn.exec = program(cluster, user)
	}
	return r.withoutRest(user)
}

// withoutRest drops the credentials that are not honoured, if there is another.
func (r *reader) withoutRest(user *api.AuthInfo) error {
	c := &r.conn
	stands := c.token != "" || c.username != "" || len(c.cert) > 0 || c.exec != nil
	for _, f := range []struct {
		name string
		set  bool
		why  string
	}{
		{"exec", user.Exec != nil && c.exec == nil, "programs are not started"},
		{"auth-provider", user.AuthProvider != nil, "it is not supported"},
		{"tokenFile", user.TokenFile != "", "a path is not opened"},
	} {
		switch {
		case f.set && stands:
			r.drop(f.name)
		case f.set:
			return refuse("%s: %s, and the user has no other credential; give it a token or client-certificate-data", f.name, f.why)
		}
	}
	if !stands {
		return refuse("the user of the current context has no credential; give it a token or client-certificate-data")
	}
	return nil
}

func notPrintable(c rune) bool { return c < ' ' || c > '~' }

// readCertificate reads the client certificate and its key, inline or not at all.
func (r *reader) readCertificate(user *api.AuthInfo) error {
	for _, f := range []struct {
		name, path string
		inline     []byte
	}{
		{"client-certificate", user.ClientCertificate, user.ClientCertificateData},
		{"client-key", user.ClientKey, user.ClientKeyData},
	} {
		switch {
		case f.path == "":
		case len(f.inline) > 0:
			r.drop(f.name)
		default:
			return refuse("%s: a path is not opened; put the content into %s-data", f.name, f.name)
		}
	}
	if len(user.ClientCertificateData) == 0 && len(user.ClientKeyData) == 0 {
		return nil
	}
	if _, err := tls.X509KeyPair(user.ClientCertificateData, user.ClientKeyData); err != nil {
		return refuse("client-certificate-data and client-key-data are not a PEM certificate and its key")
	}
	r.conn.cert, r.conn.key = user.ClientCertificateData, user.ClientKeyData
	return nil
}

// program is the credential program of a user, which is informed that nobody is there to ask.
func program(cluster *api.Cluster, user *api.AuthInfo) *api.ExecConfig {
	exec := user.Exec.DeepCopy()
	exec.InteractiveMode, exec.StdinUnavailable = api.NeverExecInteractiveMode, true
	if exec.ProvideClusterInfo {
		exec.Config = cluster.Extensions[execExtension]
	}
	return exec
}

// describe spells out a program for the digest.
func describe(exec *api.ExecConfig) string {
	if exec == nil {
		return ""
	}
	parts := slices.Concat([]string{exec.Command, exec.APIVersion}, exec.Args)
	for _, v := range exec.Env {
		parts = append(parts, v.Name+"="+v.Value)
	}
	if unknown, ok := exec.Config.(*runtime.Unknown); ok {
		parts = append(parts, string(unknown.Raw))
	}
	text, err := json.Marshal(parts)
	if err != nil {
		panic("a list of strings is always JSON: " + err.Error())
	}
	return string(text)
}

// connection is what is known about reaching a cluster.
type connection struct {
	server        *url.URL
	serverName    string
	ca            []byte
	insecure      bool
	noCompression bool
	proxy         *url.URL

	cert, key          []byte
	token              string
	username, password string
	exec               *api.ExecConfig
	tokens             TokenSource

	facts   []string
	current func() bool
	dropped []string
}

// tlsOptions are the TLS facts as client-go takes them.
func (c *connection) tlsOptions() rest.TLSClientConfig {
	return rest.TLSClientConfig{
		Insecure: c.insecure, ServerName: c.serverName,
		CAData: c.ca, CertData: c.cert, KeyData: c.key,
	}
}
