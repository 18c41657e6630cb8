package artifact_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"testing/fstest"

	"github.com/capstan-gitops/capstan/pkg/artifact"
)

// A source packs a tree of files. A consumer unpacks the archive and reads the
// files and the index, which lists them with their digests.
func Example() {
	ctx := context.Background()
	tree := fstest.MapFS{
		"app/deployment.yaml": {Data: []byte("kind: Deployment\n")},
		"app/README.md":       {Data: []byte("# How to\n")},
	}
	ignore, err := artifact.NewMatcher(tree, "*.md")
	if err != nil {
		fmt.Println(err)
		return
	}
	var archive bytes.Buffer
	packed, err := artifact.Pack(ctx, &archive, tree, artifact.PackOptions{Ignore: ignore})
	if err != nil {
		fmt.Println(err)
		return
	}

	view, err := artifact.Unpack(ctx, &archive, artifact.UnpackOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer view.Close()
	for _, entry := range view.Index().Entries() {
		fmt.Println(entry.Path, entry.Size)
	}
	content, err := fs.ReadFile(view, "app/deployment.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", content)
	fmt.Println("same index:", view.Index().Digest() == packed.Index.Digest())
	// Output:
	// . 0
	// app 0
	// app/deployment.yaml 17
	// kind: Deployment
	// same index: true
}
