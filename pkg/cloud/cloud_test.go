package cloud

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/containerservice/armcontainerservice"
	sdkaws "github.com/aws/aws-sdk-go-v2/aws"
	signerv4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	authaws "github.com/fluxcd/pkg/auth/aws"
	authazure "github.com/fluxcd/pkg/auth/azure"
	authgcp "github.com/fluxcd/pkg/auth/gcp"
	"golang.org/x/oauth2"
	"google.golang.org/api/container/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// reply answers every request with an object, and keeps the requests.
type reply struct {
	*httptest.Server
	asked []string
}

func newReply(t *testing.T, start func(http.Handler) *httptest.Server, body func(*http.Request) map[string]any) *reply {
	t.Helper()
	r := &reply{}
	r.Server = start(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked = append(r.asked, req.Method+" "+req.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(body(req)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// cluster is an API server that keeps the token of the last request.
func cluster(t *testing.T) (server *httptest.Server, ca string, token func() string) {
	t.Helper()
	a := newAuthority(t)
	seen := ""
	server = a.serve(t, func(_ http.ResponseWriter, r *http.Request) {
		seen = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	})
	return server, string(a.pem()), func() string { return seen }
}

func staticAWS(t *testing.T) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	t.Setenv("AWS_CA_BUNDLE", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// TestEKSToken checks the token of EKS: a request that the cluster sends to STS,
// signed for this cluster and for fifteen minutes. It is made without a network.
func TestEKSToken(t *testing.T) {
	staticAWS(t)
	server, ca, token := cluster(t)
	r := resolver(t, Options{})
	found := target(t, r, "apps", map[string]string{"provider": "aws", "cluster": eksCluster, "address": server.URL, "ca.crt": ca})
	ask(t, found)
	encoded, isEKS := strings.CutPrefix(token(), "k8s-aws-v1.")
	if !isEKS {
		t.Fatalf("the token is %q", token())
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := url.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	query := signed.Query()
	if signed.Scheme != "https" || signed.Host != "sts.eu-west-1.amazonaws.com" || query.Get("Action") != "GetCallerIdentity" {
		t.Errorf("signed for %s", signed.Host)
	}
	if query.Get("X-Amz-Expires") != "900" || !strings.Contains(query.Get("X-Amz-SignedHeaders"), "x-k8s-aws-id") ||
		!strings.HasPrefix(query.Get("X-Amz-Credential"), "AKIDEXAMPLE/") {
		t.Errorf("signed as %v", query)
	}
	if strings.Contains(string(text), "canary-secret") {
		t.Error("the secret key is in the token")
	}
}

// localEKS is the library's way to AWS with EKS in memory.
type localEKS struct {
	authaws.Implementation
	endpoint string
}

func (l localEKS) DescribeCluster(ctx context.Context, in *eks.DescribeClusterInput, o eks.Options) (*eks.DescribeClusterOutput, error) {
	o.BaseEndpoint = &l.endpoint
	return eks.New(o).DescribeCluster(ctx, in)
}

func (localEKS) LoadDefaultConfig(ctx context.Context, opts ...func(*config.LoadOptions) error) (sdkaws.Config, error) {
	return config.LoadDefaultConfig(ctx, opts...)
}

func (localEKS) PresignGetCallerIdentity(ctx context.Context, f func(*sts.PresignOptions), o sts.Options) (*signerv4.PresignedHTTPRequest, error) {
	return sts.NewPresignClient(sts.New(o)).PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, f)
}

// TestEKSLookUp finds address and CA of a cluster by its name, and says so when
// the cluster has none yet.
func TestEKSLookUp(t *testing.T) {
	staticAWS(t)
	server, ca, token := cluster(t)
	described := map[string]any{"name": "prod", "endpoint": server.URL,
		"certificateAuthority": map[string]any{"data": base64.StdEncoding.EncodeToString([]byte(ca))}}
	region := newReply(t, httptest.NewServer, func(*http.Request) map[string]any { return map[string]any{"cluster": described} })
	r := resolver(t, Options{})
	r.providers[aws] = authaws.Provider{Implementation: localEKS{endpoint: region.URL}}
	data := map[string]string{"provider": "aws", "cluster": eksCluster}
	found := target(t, r, "apps", data)
	ask(t, found)
	if found.Host() != server.URL || !strings.HasPrefix(token(), "k8s-aws-v1.") || len(region.asked) != 1 || region.asked[0] != "GET /clusters/prod" {
		t.Errorf("found %s, EKS was asked %v", found.Host(), region.asked)
	}
	described = map[string]any{"name": "prod", "status": "CREATING"}
	if _, err := r.FromConfigMap(t.Context(), unit("apps"), data); err == nil || !strings.Contains(err.Error(), "not be ready") {
		t.Errorf("a cluster without an address: %v", err)
	}
}

// localGKE is Google with the container API in memory.
type localGKE struct {
	authgcp.Implementation
	endpoint string
}

func (localGKE) DefaultTokenSource(context.Context, ...string) (oauth2.TokenSource, error) {
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "gcp-token", Expiry: time.Now().Add(time.Hour)}), nil
}

func (l localGKE) GetCluster(ctx context.Context, name string, service *container.Service) (*container.Cluster, error) {
	service.BasePath = l.endpoint + "/"
	return service.Projects.Locations.Clusters.Get(name).Context(ctx).Do()
}

// TestGKE finds a cluster by its name; the endpoint is an address without scheme.
func TestGKE(t *testing.T) {
	server, ca, token := cluster(t)
	google := newReply(t, httptest.NewServer, func(*http.Request) map[string]any {
		return map[string]any{"endpoint": strings.TrimPrefix(server.URL, "https://"),
			"masterAuth": map[string]any{"clusterCaCertificate": base64.StdEncoding.EncodeToString([]byte(ca))}}
	})
	r := resolver(t, Options{})
	r.providers[gcp] = authgcp.Provider{Implementation: localGKE{endpoint: google.URL}}
	found := target(t, r, "apps", map[string]string{"provider": "gcp", "cluster": gkeCluster})
	ask(t, found)
	if found.Host() != server.URL || token() != "gcp-token" || len(google.asked) != 1 || google.asked[0] != "GET /v1/"+gkeCluster {
		t.Errorf("found %s, token %q, Google was asked %v", found.Host(), token(), google.asked)
	}
}

// localAKS is Azure with the resource manager in memory.
type localAKS struct {
	authazure.Implementation
	manager *httptest.Server
	scopes  *[]string
}

// GetToken implements the credential.
func (l localAKS) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	*l.scopes = append(*l.scopes, o.Scopes...)
	return azcore.AccessToken{Token: "azure-token for " + o.Scopes[0], ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func (l localAKS) NewDefaultAzureCredentialWithoutShellOut(*azidentity.DefaultAzureCredentialOptions) (azcore.TokenCredential, error) {
	return l, nil
}

func (l localAKS) NewManagedClustersClient(subscription string, credential azcore.TokenCredential, o *arm.ClientOptions) (authazure.AKSClient, error) {
	o.Cloud = cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
		cloud.ResourceManager: {Endpoint: l.manager.URL, Audience: "https://management.example.com"},
	}}
	o.Transport = l.manager.Client()
	return armcontainerservice.NewManagedClustersClient(subscription, credential, o)
}

// TestAKS finds a cluster by its name, with a token for the manager and another
// for the cluster.
func TestAKS(t *testing.T) {
	server, ca, token := cluster(t)
	listed, err := clientcmd.Write(api.Config{
		Clusters:  map[string]*api.Cluster{"c": {Server: server.URL, CertificateAuthorityData: []byte(ca)}},
		AuthInfos: map[string]*api.AuthInfo{"u": {}}, Contexts: map[string]*api.Context{"x": {Cluster: "c", AuthInfo: "u"}}, CurrentContext: "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	manager := newReply(t, httptest.NewTLSServer, func(r *http.Request) map[string]any {
		if r.Method == http.MethodPost {
			return map[string]any{"kubeconfigs": []any{map[string]any{"name": "user", "value": listed}}}
		}
		return map[string]any{"properties": map[string]any{"aadProfile": map[string]any{}}}
	})
	var scopes []string
	r := resolver(t, Options{})
	r.providers[azure] = authazure.Provider{Implementation: localAKS{manager: manager.Server, scopes: &scopes}}
	found := target(t, r, "apps", map[string]string{"provider": "azure", "cluster": aksCluster})
	ask(t, found)
	const scope = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"
	if found.Host() != server.URL || token() != "azure-token for "+scope || len(scopes) != 2 {
		t.Errorf("found %s, token %q, scopes %v, Azure was asked %v", found.Host(), token(), scopes, manager.asked)
	}
}
