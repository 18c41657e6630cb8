package fleet

import (
	"context"
	"fmt"
	"maps"

	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

// files returns the files of a unit, with what it needs of the base it may share.
func (f *Fleet) files(i int) (map[string]string, error) {
	files, err := f.Units[i].files(f.Shape.Objects, f.Shape.Pods)
	if err != nil || i >= f.Shape.SharedBy {
		return files, err
	}
	return files, f.Units[i].buildOnBase(files)
}

// monorepo makes the repository with a folder per unit, or a repository per unit.
func (f *Fleet) monorepo(ctx context.Context) error {
	if f.Shape.OwnSources {
		return f.each(ctx, len(f.Units), func(ctx context.Context, i int) error {
			files, err := f.files(i)
			if err != nil {
				return err
			}
			repository, err := f.repository(ctx, f.Units[i].Source, files)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.repositories[f.Units[i].Source] = repository
			return err
		})
	}
	all, err := f.padding()
	if err != nil {
		return err
	}
	for i := range f.Units {
		files, err := f.files(i)
		if err != nil {
			return err
		}
		maps.Copy(all, files)
	}
	return f.Source(ctx, repositoryName, all)
}

// padding returns the base that units may share, and the files that none reads.
func (f *Fleet) padding() (map[string]string, error) {
	files := map[string]string{unreadFile: "Nobody reads this.\n"}
	for i := range f.Shape.Padding {
		files[fmt.Sprintf("other/%03d/file-%05d.yaml", i/paddingPerFolder, i)] = fmt.Sprintf("file: %d\n", i)
	}
	if f.Shape.SharedBy == 0 {
		return files, nil
	}
	text, err := manifest(configMap("", baseName, initialValue))
	if err != nil {
		return nil, err
	}
	files[baseFile] = text
	files[baseName+"/kustomization.yaml"], err = kustomizationFile([]string{"configmap.yaml"})
	return files, err
}

const (
	// unreadFile is a file that no unit reads.
	unreadFile = "README.md"
	// paddingPerFolder is how many files that nobody reads share a folder.
	paddingPerFolder = 100
)

func (f *Fleet) repository(ctx context.Context, name string, files map[string]string) (*gitserver.Repository, error) {
	repository, err := f.world.Git.CreateRepository(ctx, name)
	if err != nil {
		return nil, err
	}
	_, err = repository.Commit(ctx, files, "Begin")
	return repository, err
}

// Source makes a repository and a GitRepository of the same name, and waits for the artifact.
func (f *Fleet) Source(ctx context.Context, name string, files map[string]string) error {
	repository, err := f.repository(ctx, name, files)
	if err != nil {
		return err
	}
	f.repositories[name] = repository
	if err := f.createSource(ctx, name); err != nil {
		return err
	}
	_, err = f.Sources.Await(ctx, func(rows map[string]State) bool { return rows[home+"/"+name].Ready() })
	if err != nil {
		row, _ := f.Sources.Get(home + "/" + name)
		return fmt.Errorf("waiting for the artifact of %s, which says %q: %w", name, row.Condition("Ready").Message, err)
	}
	return nil
}

func (f *Fleet) createSource(ctx context.Context, name string) error {
	return f.create(ctx, "/apis/source.toolkit.fluxcd.io/v1/namespaces/"+home+"/gitrepositories", map[string]any{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"url": f.repositories[name].URL(), "ref": map[string]any{"branch": "main"}, "interval": RestInterval.String(),
		},
	})
}

// Commit changes the value of a unit's ConfigMap in Git and returns the revision that the source will report.
func (f *Fleet) Commit(ctx context.Context, u Unit, value string) (string, error) {
	text, err := u.Config(value)
	if err != nil {
		return "", err
	}
	return f.CommitFiles(ctx, u.Source, map[string]string{u.ConfigFile(): text})
}

// CommitUnread changes a file that no unit reads.
func (f *Fleet) CommitUnread(ctx context.Context, value string) (string, error) {
	return f.CommitFiles(ctx, repositoryName, map[string]string{unreadFile: value + "\n"})
}

// CommitFiles writes files to the repository of a source and returns the revision that the source will report.
func (f *Fleet) CommitFiles(ctx context.Context, source string, files map[string]string) (string, error) {
	hash, err := f.repositories[source].Commit(ctx, files, "Change something")
	return "main@sha1:" + hash, err
}

// Pull asks the source of all units to look for commits.
func (f *Fleet) Pull(ctx context.Context) error { return f.PullSource(ctx, repositoryName) }

// PullSource asks a source to look for commits.
func (f *Fleet) PullSource(ctx context.Context, name string) error {
	return f.annotate(ctx, sourcePath(name), f.token())
}

// Publish commits files to the source that all units share, and waits until it is
// published.
func (f *Fleet) Publish(ctx context.Context, files map[string]string) error {
	revision, err := f.CommitFiles(ctx, repositoryName, files)
	if err != nil {
		return err
	}
	if err := f.Pull(ctx); err != nil {
		return err
	}
	_, err = f.AwaitPublished(ctx, revision)
	return err
}
