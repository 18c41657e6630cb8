package kubeconfig_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

func TestSelect(t *testing.T) {
	both := map[string][]byte{"value": []byte("v"), "value.yaml": []byte("y"), "other": []byte("o")}
	cases := map[string]struct {
		why  string
		data map[string][]byte
		key  string
		want string
		says string
	}{
		"Named":         {"the reference decides", both, "other", "o", ""},
		"Default":       {"value comes first", both, "", "v", ""},
		"Fallback":      {"value.yaml comes second", map[string][]byte{"value.yaml": []byte("y")}, "", "y", ""},
		"NamedMissing":  {"what is named is not replaced by another", both, "absent", "", `"absent"`},
		"Missing":       {"both keys are named", map[string][]byte{"token": nil}, "", "", `"value" nor "value.yaml"`},
		"EmptyIsChosen": {"a key that is there is the one", map[string][]byte{"value": nil, "value.yaml": []byte("y")}, "", "", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := kubeconfig.Select(tc.data, tc.key)
			if string(got) != tc.want || (err != nil) != (tc.says != "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: got %q, %v", tc.why, got, err)
			}
		})
	}
}

// TestHostile guards against kubeconfigs that make the controller run programs or
// read its files: what is not honoured is refused by its name, no file is opened,
// no program started, no shell text run and nothing dialled.
func TestHostile(t *testing.T) {
	dialled := false
	ca := newAuthority(t, newKey(t))
	server := serve(t, tlsOf(ca.sign(t, nil)), func(http.ResponseWriter, *http.Request) { dialled = true })
	folder := t.TempDir()
	file := path.Join(folder, "content") // Holds what would be accepted if it were read.
	if err := os.WriteFile(file, ca.pem(), 0o600); err != nil {
		t.Fatal(err)
	}
	canary := path.Join(folder, "canary")
	touch := &api.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: "touch", Args: []string{canary}, InteractiveMode: api.NeverExecInteractiveMode}

	type change = func(*api.Config, *api.Cluster, *api.AuthInfo)
	user := func(f func(*api.AuthInfo)) change {
		return func(_ *api.Config, _ *api.Cluster, u *api.AuthInfo) { f(u) }
	}
	cluster := func(f func(*api.Cluster)) change {
		return func(_ *api.Config, c *api.Cluster, _ *api.AuthInfo) { f(c) }
	}
	cases := map[string]struct {
		why    string
		field  string
		change change
	}{
		"Exec": {"CVE-2022-24817", "exec", user(func(u *api.AuthInfo) { *u = api.AuthInfo{Exec: touch} })},
		"AuthProvider": {"it may start a program too", "auth-provider", user(func(u *api.AuthInfo) {
			*u = api.AuthInfo{AuthProvider: &api.AuthProviderConfig{Name: "gcp", Config: map[string]string{"cmd-path": "touch"}}}
		})},
		"TokenFile":      {"it may be the controller's own", "tokenFile", user(func(u *api.AuthInfo) { *u = api.AuthInfo{TokenFile: file} })},
		"Certificate":    {"a path", "client-certificate:", user(func(u *api.AuthInfo) { u.ClientCertificate = file })},
		"Key":            {"a path", "client-key", user(func(u *api.AuthInfo) { u.ClientKey = file })},
		"CA":             {"a path", "certificate-authority:", cluster(func(c *api.Cluster) { c.CertificateAuthority = file })},
		"ProxyLoopback":  {"the controller's own pod", "proxy-url", cluster(func(c *api.Cluster) { c.ProxyURL = "http://127.0.0.1:3128" })},
		"ProxyLocalhost": {"by name", "proxy-url", cluster(func(c *api.Cluster) { c.ProxyURL = "http://canary-user:canary-pw@LocalHost.:3128" })},
		"ProxyIPv6":      {"in another alphabet", "proxy-url", cluster(func(c *api.Cluster) { c.ProxyURL = "socks5://[::1]:1080" })},
		"ProxyMapped":    {"IPv4 inside IPv6", "proxy-url", cluster(func(c *api.Cluster) { c.ProxyURL = "http://[::ffff:127.0.0.1]:3128" })},
		"ProxyLinkLocal": {"the proxy would be the metadata service of the cloud", "proxy-url", cluster(func(c *api.Cluster) { c.ProxyURL = "http://169.254.169.254" })},
		"ProxyScheme":    {"a file is no proxy", "proxy-url", cluster(func(c *api.Cluster) { c.ProxyURL = "file:///etc/passwd" })},
		"ProxyNonsense":  {"nothing of it is shown", "proxy-url", cluster(func(c *api.Cluster) { c.ProxyURL = "http://u:canary@h/%zz" })},
		"As":             {"another identity", "as:", user(func(u *api.AuthInfo) { u.Impersonate = "system:admin" })},
		"AsGroups":       {"another group", "as-groups", user(func(u *api.AuthInfo) { u.ImpersonateGroups = []string{"system:masters"} })},
		"AsUID":          {"another user", "as-uid", user(func(u *api.AuthInfo) { u.ImpersonateUID = "0" })},
		"AsExtra":        {"other facts", "as-user-extra", user(func(u *api.AuthInfo) { u.ImpersonateUserExtra = map[string][]string{"a": {"b"}} })},
		"Metadata":       {"not a cluster", "server", cluster(func(c *api.Cluster) { c.Server = "https://169.254.169.254" })},
		"PlainHTTP":      {"would show the token", "server", cluster(func(c *api.Cluster) { c.Server = "http://api.example.com" })},
		"ServerUserInfo": {"a credential in the address", "server", cluster(func(c *api.Cluster) { c.Server = "https://u:canary@api.example.com" })},
		"ServerQuery":    {"an address has none", "server", cluster(func(c *api.Cluster) { c.Server = "https://api.example.com/?t=canary" })},
		"ServerFile":     {"no file", "server", cluster(func(c *api.Cluster) { c.Server = "file:///etc/passwd" })},
		"ServerMissing":  {"there is no default", "server", cluster(func(c *api.Cluster) { c.Server = "" })},
		"TokenLines":     {"would begin another header", "token", user(func(u *api.AuthInfo) { u.Token = "canary\r\nImpersonate-User: admin" })},
		"CANotPEM":       {"trusts nobody", "certificate-authority-data:", cluster(func(c *api.Cluster) { c.CertificateAuthorityData = []byte("canary") })},
		"KeyMissing":     {"half a credential", "client-certificate-data and client-key-data", user(func(u *api.AuthInfo) { u.ClientCertificateData = ca.pem() })},
		"KeyNotPEM":      {"half a credential", "client-certificate-data and client-key-data", user(func(u *api.AuthInfo) { u.ClientCertificateData, u.ClientKeyData = ca.pem(), []byte("canary") })},
		"TwoTokens":      {"nobody knows which is meant", "token and username", user(func(u *api.AuthInfo) { u.Username, u.Password = "u", "canary" })},
		"NoCredential":   {"a stranger", "the user of the current context has no credential", user(func(u *api.AuthInfo) { *u = api.AuthInfo{} })},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := config(func(all *api.Config, cluster *api.Cluster, user *api.AuthInfo) {
				cluster.Server, cluster.CertificateAuthorityData = server.URL, ca.pem()
				if name == "CA" {
					cluster.CertificateAuthorityData = nil
				}
				tc.change(all, cluster, user)
			})
			target, err := kubeconfig.Parse(text(t, c), kubeconfig.Options{})
			if target != nil || err == nil {
				t.Fatalf("%s: accepted as %v", tc.why, target)
			}
			if f := fault.Of(err); !strings.HasPrefix(err.Error(), "reading the kubeconfig: "+tc.field) || f.Reason != meta.ReasonReconciliationFailed || f.Class != fault.ClassRetry {
				t.Errorf("%s: error %q does not name %s", tc.why, err, tc.field)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), folder) {
				t.Errorf("%s: error %q shows a value", tc.why, err)
			}
		})
	}
	if _, err := os.Stat(canary); err == nil {
		t.Error("a program was started")
	}
	if dialled {
		t.Error("the server was asked")
	}
}

// TestDropped shows that a field that is not honoured does no harm where the rest
// stands without it.
func TestDropped(t *testing.T) {
	ca := newAuthority(t, newKey(t))
	server := serve(t, tlsOf(ca.sign(t, nil)), func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization"))
	})
	folder := t.TempDir()
	c := config(func(_ *api.Config, c *api.Cluster, u *api.AuthInfo) {
		c.Server, c.CertificateAuthorityData = server.URL, ca.pem()
		c.CertificateAuthority, c.InsecureSkipTLSVerify = path.Join(folder, "ca"), true
		u.Exec = &api.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: "touch", Args: []string{path.Join(folder, "canary")}}
		u.AuthProvider = &api.AuthProviderConfig{Name: "oidc"}
		u.TokenFile = path.Join(folder, "token")
	})
	target := parse(t, c, kubeconfig.Options{})
	want := []string{"certificate-authority", "insecure-skip-tls-verify", "exec", "auth-provider", "tokenFile"}
	if diff := cmp.Diff(want, target.Dropped()); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	answer, err := get(t, target, "/api")
	if err != nil || answer != "Bearer canary-token" {
		t.Errorf("the server saw %q, %v", answer, err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("a program was started: %v, %v", entries, err)
	}
}

func TestBroken(t *testing.T) {
	long := strings.Repeat("n", 500)
	bomb := "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"
	repeated := "clusters:\n- name: &s " + strings.Repeat("y", 1<<10) + "\n- name: *s\n"
	named := func(change func(*api.Config)) []byte {
		return text(t, config(func(c *api.Config, _ *api.Cluster, _ *api.AuthInfo) { change(c) }))
	}
	cases := map[string]struct {
		why     string
		content []byte
		says    string
	}{
		"Empty":          {"there is nothing", nil, "it is empty"},
		"NotYAML":        {"the line is enough", []byte("a: b\ncanary: [\n"), "line "},
		"NotAMap":        {"a token alone is none", []byte("canary-token"), "not a kubeconfig"},
		"WrongType":      {"the value is not quoted", []byte("apiVersion: v1\nkind: Config\nusers: canary\n"), "wrong type"},
		"NotBase64":      {"the value is not quoted", []byte("clusters:\n- name: a\n  cluster: {certificate-authority-data: canary!}\n"), "not base64"},
		"OtherKind":      {"an object of another kind", []byte("apiVersion: v1\nkind: ConfigMap\ndata: {a: canary}\n"), "not a kubeconfig"},
		"TwiceTheKey":    {"two readers could differ", []byte("current-context: canary\ncurrent-context: canary2\n"), "not a kubeconfig"},
		"Two":            {"only one could be meant", []byte("a: b\n---\na: c\n"), "more than one document"},
		"TooLarge":       {"a Secret holds no more either", bytes.Repeat([]byte("#"), kubeconfig.MaxSize+1), "at most"},
		"TooMany":        {"each value costs memory", bytes.Repeat([]byte("a,"), 1<<18), "lines and values"},
		"Bomb":           {"it would grow", []byte(bomb), "anchors and aliases"},
		"StringBomb":     {"so would text", []byte(repeated), "anchors and aliases"},
		"Deep":           {"the reader's depth is limited", bytes.Repeat([]byte("["), 40_000), "not a kubeconfig"},
		"NoContext":      {"there is no default", named(func(c *api.Config) { c.CurrentContext = "" }), "current-context is not set"},
		"UnknownContext": {"it is named", named(func(c *api.Config) { c.CurrentContext = "other" }), `context "other"`},
		"UnknownCluster": {"it is named", named(func(c *api.Config) { c.Contexts["main"].Cluster = "gone" }), `context "main" names cluster "gone"`},
		"UnknownUser":    {"its context is named", named(func(c *api.Config) { c.Contexts["main"].AuthInfo = "canary" }), `context "main" names a user`},
		"LongName":       {"it is cut", named(func(c *api.Config) { c.CurrentContext = long }), "nnn…"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			target, err := kubeconfig.Parse(tc.content, kubeconfig.Options{})
			if target != nil || err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%s: got %v, %v, want %q", tc.why, target, err, tc.says)
			}
			if strings.Contains(err.Error(), "canary") || len(err.Error()) > 1024 {
				t.Errorf("%s: the error shows too much: %s", tc.why, err)
			}
		})
	}
}

func TestCurrentContextIsUsed(t *testing.T) {
	c := config(func(c *api.Config, _ *api.Cluster, _ *api.AuthInfo) {
		c.Clusters["stage"] = &api.Cluster{Server: "https://stage.example.com"}
		c.AuthInfos["stager"] = &api.AuthInfo{Token: "stage"}
		c.Contexts["other"] = &api.Context{Cluster: "stage", AuthInfo: "stager"}
		c.CurrentContext = "other"
	})
	target := parse(t, c, kubeconfig.Options{})
	if target.Host() != "https://stage.example.com" || target.Config().BearerToken != "stage" {
		t.Errorf("the target is %s with %d characters of token", target.Host(), len(target.Config().BearerToken))
	}
}

func TestInsecureOptions(t *testing.T) {
	ca := newAuthority(t, newKey(t))
	server := serve(t, tlsOf(ca.sign(t, nil)), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	c := config(func(_ *api.Config, c *api.Cluster, _ *api.AuthInfo) {
		c.Server, c.InsecureSkipTLSVerify = server.URL, true
	})

	answer, err := get(t, parse(t, c, kubeconfig.Options{AllowInsecureTLS: true}), "/")
	if err != nil || answer != "ok" {
		t.Errorf("allowed and not honoured: %q, %v", answer, err)
	}
	_, err = get(t, parse(t, c, kubeconfig.Options{}), "/")
	var unknown x509.UnknownAuthorityError
	if err == nil || !strings.Contains(err.Error(), "insecure-skip-tls-verify") {
		t.Errorf("not allowed: error %v does not name the field", err)
	}
	if !asError(err, &unknown) {
		t.Errorf("not allowed: error %v lost its cause", err)
	}
	c.Clusters["prod"].CertificateAuthorityData = newAuthority(t, newKey(t)).pem()
	if _, err = get(t, parse(t, c, kubeconfig.Options{AllowInsecureTLS: true}), "/"); err == nil {
		t.Error("an authority that is there was not asked")
	}
	c.Clusters["prod"] = &api.Cluster{Server: "http://api.example.com"}
	if got := parse(t, c, kubeconfig.Options{AllowInsecureTLS: true}).Host(); got != "http://api.example.com" {
		t.Errorf("allowed and not honoured: %s", got)
	}
}
