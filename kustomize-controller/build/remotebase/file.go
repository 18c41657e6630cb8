package remotebase

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"

	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
)

const userAgent = "capstan"

// file gets one file. A server that answers, but with something else, says that
// the address is not that of a file: a status that is no success, or a web page,
// which is what the hosts of repositories show at the address of one.
func (f *Fetcher) file(ctx context.Context, address string) (fs.FS, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("the address is not a URL")
	}
	req.Header.Set("User-Agent", userAgent)
	res, err := f.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, fmt.Errorf("the server answered %d %s: %w", res.StatusCode, http.StatusText(res.StatusCode), remote.ErrNotFile)
	}
	if kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err == nil && kind == "text/html" {
		return nil, fmt.Errorf("the server answered with a web page: %w", remote.ErrNotFile)
	}
	content, err := io.ReadAll(io.LimitReader(res.Body, f.fileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if int64(len(content)) > f.fileBytes {
		return nil, fmt.Errorf("the file is larger than the limit of %d bytes", f.fileBytes)
	}
	return single{content: content}, nil
}
