package controller

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/app"
	"github.com/capstan-gitops/capstan/pkg/status"
	"github.com/capstan-gitops/capstan/pkg/testkit/env"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
	"github.com/capstan-gitops/capstan/source-controller/internal/config"
)

var testEnv *env.Env

func TestMain(m *testing.M) {
	code := env.Main(m, &testEnv)
	if running != nil {
		_ = running.git.Close()
		_ = os.RemoveAll(running.storage)
	}
	os.Exit(code)
}

// soon bounds every wait for the controller; it is generous, because machines
// are shared.
const soon = 20 * time.Second

// rig is source-controller running against the test cluster, and a Git server.
// The tests share one, each in a namespace of its own.
type rig struct {
	client    client.Client
	namespace string
	storage   string
	git       *gitserver.Server
}

var shared = sync.OnceValues(startRig)

// running is the rig once it was started.
var running *rig

func startRig() (*rig, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, sourcev1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	c, err := client.New(testEnv.Config(), client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	git, err := gitserver.Start(gitserver.Options{})
	if err != nil {
		return nil, err
	}
	storage, err := os.MkdirTemp("", "source-controller-test")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse([]string{
		"--metrics-addr=0", "--health-addr=0", "--log-level=error",
		"--storage-path=" + storage, "--storage-addr=" + addr, "--storage-adv-addr=" + addr,
	})
	if err != nil {
		return nil, err
	}
	go func() {
		if err := app.RunOn(context.Background(), testEnv.Config(), Binary(cfg)); err != nil {
			panic(err)
		}
	}()
	running = &rig{client: c, storage: storage, git: git}
	return running, nil
}

// newRig returns the rig with a namespace for the test.
func newRig(t *testing.T) *rig {
	t.Helper()
	started, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	r := *started
	r.namespace = env.Namespace(t, r.client)
	return &r
}

func freeAddress() (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (r *rig) repository(t *testing.T, files map[string]string) *gitserver.Repository {
	t.Helper()
	repo, err := r.git.CreateRepository(t.Context(), strings.ToLower(t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	commit(t, repo, files, "first commit")
	return repo
}

func commit(t *testing.T, repo *gitserver.Repository, files map[string]string, message string) string {
	t.Helper()
	hash, err := repo.Commit(t.Context(), files, message)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func (r *rig) object(url string, change ...func(*sourcev1.GitRepository)) *sourcev1.GitRepository {
	obj := &sourcev1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "repo"},
		Spec: sourcev1.GitRepositorySpec{
			URL: url, Interval: "1h", Reference: &sourcev1.GitRepositoryRef{Branch: "main"},
		},
	}
	for _, c := range change {
		c(obj)
	}
	return obj
}

// ask requests a reconcile as the CLI does.
func (r *rig) ask(t *testing.T, obj *sourcev1.GitRepository, token string) {
	t.Helper()
	patch := client.MergeFrom(obj.DeepCopy())
	obj.SetAnnotations(map[string]string{meta.AnnotationRequestedAt: token})
	if err := r.client.Patch(t.Context(), obj, patch); err != nil {
		t.Fatal(err)
	}
}

// ready returns the Ready condition of the object as it is now.
func (r *rig) ready(ctx context.Context, obj *sourcev1.GitRepository) func() (string, error) {
	return func() (string, error) {
		if err := r.client.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
			return "", err
		}
		c := status.Find(obj.Status.Conditions, meta.ConditionReady)
		if c == nil {
			return "none", nil
		}
		return string(c.Status) + " " + c.Reason, nil
	}
}

func TestGitRepositoryPublishesWhatIsPushed(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	repo := r.repository(t, map[string]string{"deploy.yaml": "a: 1\n", "logo.png": "x"})
	obj := r.object(repo.URL())
	g.Expect(r.client.Create(t.Context(), obj)).To(Succeed())
	g.Eventually(r.ready(t.Context(), obj), soon).Should(Equal("True Succeeded"))
	first := obj.Status.Artifact
	g.Expect(first.Revision).To(HavePrefix("main@sha1:"))
	g.Expect(first.Metadata).To(HaveKey(meta.MetadataIndexDigest))
	g.Expect(obj.Status.ObservedGeneration).To(Equal(obj.Generation))
	g.Expect(fetch(t, first.URL)).To(Equal(http.StatusOK))
	g.Expect(fetch(t, first.URL+meta.IndexSuffix)).To(Equal(http.StatusOK))

	hash := commit(t, repo, map[string]string{"deploy.yaml": "a: 2\n"}, "second commit")
	r.ask(t, obj, "now")
	g.Eventually(func() (string, error) {
		_, err := r.ready(t.Context(), obj)()
		return obj.Status.LastHandledReconcileAt, err
	}, soon).Should(Equal("now"))
	g.Expect(obj.Status.Artifact.Revision).To(Equal("main@sha1:" + hash))
	g.Expect(obj.Status.Artifact.Digest).NotTo(Equal(first.Digest))
}

// TestEventsNameTheirAction reads the Events as the API server has them: the field
// action is set and the annotations are as before.
func TestEventsNameTheirAction(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	obj := r.object(r.repository(t, map[string]string{"deploy.yaml": "a: 1\n"}).URL())
	g.Expect(r.client.Create(t.Context(), obj)).To(Succeed())
	lost := r.object("http://127.0.0.1:1/none.git")
	lost.Name = "lost"
	g.Expect(r.client.Create(t.Context(), lost)).To(Succeed())
	g.Eventually(func() (map[string]string, error) {
		list := &corev1.EventList{}
		err := r.client.List(t.Context(), list, client.InNamespace(r.namespace))
		got := map[string]string{}
		for _, e := range list.Items {
			got[e.InvolvedObject.Name+" "+e.Reason] = e.Action
			for key := range e.Annotations {
				g.Expect(key).To(HavePrefix("source.toolkit.fluxcd.io/"), "nothing but metadata is annotated")
			}
		}
		return got, err
	}, soon).Should(And(
		HaveKeyWithValue("repo NewArtifact", "ReconcileArtifact"), HaveKeyWithValue("lost GitOperationFailed", "ReconcileSource")))
}

func TestGitRepositoryReportsWhatIsWrong(t *testing.T) {
	cases := map[string]struct {
		why    string
		change func(*sourcev1.GitRepository)
		want   string
	}{
		"UnknownBranch": {
			why:    "the branch may appear later",
			change: func(o *sourcev1.GitRepository) { o.Spec.Reference.Branch = "nowhere" },
			want:   "False GitOperationFailed",
		},
		"MissingSecret": {
			why:    "nothing can be fetched without the credentials",
			change: func(o *sourcev1.GitRepository) { o.Spec.SecretRef = &meta.LocalObjectReference{Name: "absent"} },
			want:   "False AuthenticationFailed",
		},
		"FieldOfLaterVersion": {
			why:    "a field that is not acted on must not be ignored",
			change: func(o *sourcev1.GitRepository) { o.Spec.RecurseSubmodules = true },
			want:   "False FieldNotSupported",
		},
		"SSH": {
			why:    "this version speaks HTTP only",
			change: func(o *sourcev1.GitRepository) { o.Spec.URL = "ssh://git@localhost/repo.git" },
			want:   "False FieldNotSupported",
		},
	}
	r := newRig(t)
	repo := r.repository(t, map[string]string{"a.yaml": "a: 1\n"})
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			obj := r.object(repo.URL(), tc.change)
			obj.Name = strings.ToLower(name)
			g.Expect(r.client.Create(t.Context(), obj)).To(Succeed())
			g.Eventually(r.ready(t.Context(), obj), soon).Should(Equal(tc.want), tc.why)
			g.Expect(obj.Status.Artifact).To(BeNil())
		})
	}
}

func TestKindsThatAreNotActedOnSaySo(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	obj := &sourcev1.OCIRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "oci"},
		Spec:       sourcev1.OCIRepositorySpec{URL: "oci://localhost/x", Interval: "1h"},
	}
	g.Expect(r.client.Create(t.Context(), obj)).To(Succeed())
	g.Eventually(func() (bool, error) {
		err := r.client.Get(t.Context(), client.ObjectKeyFromObject(obj), obj)
		return status.IsTrue(obj.Status.Conditions, meta.ConditionStalled), err
	}, soon).Should(BeTrue())
	g.Expect(status.Find(obj.Status.Conditions, meta.ConditionReady).Reason).To(Equal(string(meta.ReasonFieldNotSupported)))
	g.Expect(r.client.Delete(t.Context(), obj)).To(Succeed())
	g.Eventually(func() error { return r.client.Get(t.Context(), client.ObjectKeyFromObject(obj), obj) }, soon).ShouldNot(Succeed())
}

func TestGitRepositoryUsesItsSecret(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	guarded, err := gitserver.Start(gitserver.Options{Username: "ci", Password: "s3cret-canary"})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = guarded.Close() })
	repo, err := guarded.CreateRepository(t.Context(), "guarded")
	g.Expect(err).NotTo(HaveOccurred())
	commit(t, repo, map[string]string{"a.yaml": "a: 1\n"}, "first")
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "auth"},
		StringData: map[string]string{"username": "ci", "password": "wrong-canary"},
	}
	g.Expect(r.client.Create(t.Context(), secret)).To(Succeed())
	obj := r.object(repo.URL(), func(o *sourcev1.GitRepository) { o.Spec.SecretRef = &meta.LocalObjectReference{Name: "auth"} })
	g.Expect(r.client.Create(t.Context(), obj)).To(Succeed())
	g.Eventually(r.ready(t.Context(), obj), soon).Should(Equal("False AuthenticationFailed"))
	g.Expect(status.Find(obj.Status.Conditions, meta.ConditionReady).Message).NotTo(ContainSubstring("canary"))

	secret.StringData = map[string]string{"username": "ci", "password": "s3cret-canary"}
	g.Expect(r.client.Update(t.Context(), secret)).To(Succeed())
	r.ask(t, obj, "again")
	g.Eventually(r.ready(t.Context(), obj), soon).Should(Equal("True Succeeded"))
}

func TestDamagedArtifactIsNotServedAndMadeAgain(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	repo := r.repository(t, map[string]string{"a.yaml": "a: 1\n"})
	obj := r.object(repo.URL())
	g.Expect(r.client.Create(t.Context(), obj)).To(Succeed())
	g.Eventually(r.ready(t.Context(), obj), soon).Should(Equal("True Succeeded"))
	file := filepath.Join(r.storage, obj.Status.Artifact.Path)
	content, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	content[len(content)/2] ^= 1
	g.Expect(os.WriteFile(file, content, 0o600)).To(Succeed())
	g.Expect(fetch(t, obj.Status.Artifact.URL)).To(Equal(http.StatusNotFound))

	r.ask(t, obj, "again")
	g.Eventually(func() int { return fetch(t, obj.Status.Artifact.URL) }, soon).Should(Equal(http.StatusOK))
}

func TestDeletedRepositoryLeavesNothingBehind(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	repo := r.repository(t, map[string]string{"a.yaml": "a: 1\n"})
	obj := r.object(repo.URL())
	g.Expect(r.client.Create(t.Context(), obj)).To(Succeed())
	g.Eventually(r.ready(t.Context(), obj), soon).Should(Equal("True Succeeded"))
	g.Expect(r.client.Delete(t.Context(), obj)).To(Succeed())
	g.Eventually(func() error { return r.client.Get(t.Context(), client.ObjectKeyFromObject(obj), obj) }, soon).ShouldNot(Succeed())
	g.Expect(filepath.Join(r.storage, "gitrepository", r.namespace, "repo")).NotTo(BeADirectory())
}

func fetch(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
