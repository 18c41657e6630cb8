package git_test

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/capstan-gitops/capstan/pkg/git"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

// A reference is resolved to a commit first, which is cheap. The tree is fetched
// only if the commit is a new one.
func ExampleClient() {
	ctx := context.Background()
	url, stop, err := repository(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	client, err := git.NewClient(git.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	remote := git.Remote{URL: url}
	resolved, err := client.Resolve(ctx, remote, git.Reference{Branch: "main"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("found under:", resolved.Reference)

	checkout, err := client.Fetch(ctx, remote, resolved, git.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer checkout.Close()
	content, err := fs.ReadFile(checkout.FS(), "app/config.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("commit:", checkout.Commit.Subject)
	fmt.Printf("file: %s\n", content)
	// Output:
	// found under: refs/heads/main
	// commit: Add the configuration
	// file: color: red
}

// repository serves a repository with one commit until stop is called.
func repository(ctx context.Context) (url string, stop func(), err error) {
	server, err := gitserver.Start(gitserver.Options{})
	if err != nil {
		return "", nil, err
	}
	repo, err := server.CreateRepository(ctx, "shop")
	if err == nil {
		_, err = repo.Commit(ctx, map[string]string{"app/config.yaml": "color: red"}, "Add the configuration")
	}
	if err != nil {
		_ = server.Close()
		return "", nil, err
	}
	return repo.URL(), func() { _ = server.Close() }, nil
}
