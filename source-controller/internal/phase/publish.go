package phase

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
)

// Publish stores the content of the candidate.
type Publish struct {
	// Put stores an artifact.
	Put func(storage.Ref, storage.Entry, storage.Writer) (*meta.Artifact, error)
	// Algorithm of the digest of the artifact.
	Algorithm string
	// MaxBytes bounds the content: the sum of the files of a tree, or a blob.
	MaxBytes int64
}

// Run stores the content and frees it.
func (p Publish) Run(ctx context.Context, s *Scope) reconciler.Outcome {
	stored, err := p.store(ctx, s)
	if err = errors.Join(err, s.Content.Close()); err != nil {
		return reconciler.Fail(fault.Retry(meta.ReasonArchiveOperationFailed,
			fmt.Errorf("storing revision '%s': %w", s.Candidate.Revision, err)))
	}
	s.Artifact = stored
	s.Changed = !s.Current.HasDigest(stored.Digest)
	if s.Changed {
		s.Report(reconciler.Note{Reason: s.Content.Event.Reason, Message: s.Content.Event.Text})
		if s.LeftOut.Count > 0 {
			s.Report(reconciler.Note{Reason: meta.ReasonFilesLeftOut, Message: s.LeftOut.String()})
		}
	}
	return reconciler.Continue()
}

// Progress names the revision.
func (Publish) Progress(s *Scope) string {
	return fmt.Sprintf("storing revision '%s'", s.Candidate.Revision)
}

func (p Publish) store(ctx context.Context, s *Scope) (*meta.Artifact, error) {
	write, err := p.writer(ctx, s)
	if err != nil {
		return nil, err
	}
	metadata := map[string]string{}
	maps.Copy(metadata, s.Candidate.Metadata)
	maps.Copy(metadata, s.Content.Metadata)
	return p.Put(s.Ref, storage.Entry{
		File: s.Candidate.File, Revision: s.Candidate.Revision, Metadata: metadata,
	}, write)
}

// writer returns what writes the artifact file.
func (p Publish) writer(ctx context.Context, s *Scope) (storage.Writer, error) {
	switch body := s.Content.Body.(type) {
	case upstream.Tree:
		return p.tree(ctx, body, s)
	case upstream.Blob:
		return p.blob(ctx, body)
	default:
		return nil, fmt.Errorf("the source returned no content, but %T", body)
	}
}

// tree packs and indexes a tree.
func (p Publish) tree(ctx context.Context, tree upstream.Tree, s *Scope) (storage.Writer, error) {
	options := artifact.PackOptions{MaxBytes: p.MaxBytes, Algorithm: p.Algorithm}
	if !tree.Complete {
		matcher, err := artifact.NewMatcher(tree.FS, s.Ignore)
		if err != nil {
			return nil, err
		}
		options.Ignore = matcher
	}
	return func(w io.Writer) (storage.Written, error) {
		packed, err := artifact.Pack(ctx, w, tree.FS, options)
		if err != nil {
			return storage.Written{}, err
		}
		s.LeftOut = packed.LeftOut
		return storage.Written{
			Digest: packed.Digest, Index: packed.Index.Encode(), IndexDigest: packed.Index.Digest(),
		}, nil
	}, nil
}

// blob copies a file.
func (p Publish) blob(ctx context.Context, blob upstream.Blob) (storage.Writer, error) {
	if blob.Size > p.MaxBytes {
		return nil, fmt.Errorf("%w: the file has %d bytes, more than %d", artifact.ErrLimit, blob.Size, p.MaxBytes)
	}
	sum, err := storage.Hash(p.Algorithm)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) (storage.Written, error) {
		content := io.NewSectionReader(blob.Bytes, 0, blob.Size)
		n, err := io.Copy(io.MultiWriter(w, sum), readerFunc(func(b []byte) (int, error) {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			return content.Read(b)
		}))
		if err == nil && n != blob.Size {
			err = fmt.Errorf("read %d bytes of a file of %d", n, blob.Size)
		}
		return storage.Written{Digest: sum.Digest()}, err
	}, nil
}

// readerFunc is a function that reads.
type readerFunc func([]byte) (int, error)

// Read calls the function.
func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
