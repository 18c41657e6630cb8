package steps

import (
	"io/fs"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

// Repository is a Git repository and the GitRepository that follows its main branch.
type Repository struct {
	scene  *Scene
	git    *gitserver.Repository
	source *sourcev1.GitRepository
}

// Repository makes a repository whose first commit is the given state, and has it followed.
func (s *Scene) Repository(state string, changes ...func(*sourcev1.GitRepository)) *Repository {
	s.t.Helper()
	git, err := s.world.Git.CreateRepository(s.t.Context(), s.Namespace)
	s.must("making a repository", err)
	source := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "repository"}}
	source.Spec = sourcev1.GitRepositorySpec{
		URL: git.URL(), Interval: meta.NewDuration(Rare), Reference: &sourcev1.GitRepositoryRef{Branch: "main"},
	}
	for _, change := range changes {
		change(source)
	}
	r := &Repository{scene: s, git: git, source: source}
	r.push(state)
	s.must("creating the GitRepository", s.client.Create(s.t.Context(), source.DeepCopy()))
	return r
}

// Commit makes the tree what the state says, in one commit, and has the source look at once, as a webhook would. It
// returns the revision.
func (r *Repository) Commit(state string) string {
	r.scene.t.Helper()
	revision := r.push(state)
	r.scene.Request(r.source)
	return revision
}

// Object returns the GitRepository.
func (r *Repository) Object() *sourcev1.GitRepository { return r.source }

// push makes the tree what the state says.
func (r *Repository) push(state string) string {
	s := r.scene
	s.t.Helper()
	files, err := readTree(s.files, state)
	s.must("reading state "+state, err)
	hash, err := r.git.Apply(s.t.Context(), gitserver.Change{DeleteAll: true, Files: files, Message: state})
	s.must("committing state "+state, err)
	s.log("  committed state " + state + " as " + hash[:12])
	return "main@sha1:" + hash
}

// Request asks for a reconcile of one of our objects, as flux reconcile does, and returns the token.
func (s *Scene) Request(obj client.Object) string {
	s.t.Helper()
	token := time.Now().Format(time.RFC3339Nano)
	s.annotate(obj, meta.AnnotationRequestedAt, token)
	return token
}

func (s *Scene) annotate(obj client.Object, key, value string) {
	s.t.Helper()
	latest := obj.DeepCopyObject().(client.Object) //nolint:forcetypeassert // A copy has the type of the original.
	latest.SetResourceVersion("")
	before := latest.DeepCopyObject().(client.Object) //nolint:forcetypeassert // As above.
	annotations := map[string]string{key: value}
	before.SetAnnotations(nil)
	latest.SetAnnotations(annotations)
	s.must("annotating "+obj.GetName(), s.client.Patch(s.t.Context(), latest, client.MergeFrom(before)))
}

// File returns a file of the story's folder.
func (s *Scene) File(path string) string {
	s.t.Helper()
	content, err := fs.ReadFile(s.files, path)
	s.must("reading a file", err)
	return string(content)
}

// readTree reads all files of a folder.
func readTree(files fs.FS, folder string) (map[string]string, error) {
	tree := map[string]string{"README.md": "Test data.\n"}
	sub, err := fs.Sub(files, folder)
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(sub, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(sub, path)
		tree[strings.TrimPrefix(path, "./")] = string(content)
		return err
	})
	return tree, err
}
