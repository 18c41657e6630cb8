package git

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// checkHistory returns an error unless a pinned commit is in the history of the reference
// that is shown beside it. The request says that the commit is there already, so that the
// server sends what is between the two and not the history before them, and where it can
// only the commits of that.
func (c *Client) checkHistory(ctx context.Context, s *session, caps capabilities, tip advertised, target Resolved, limits Limits) error {
	if tip.commit() == target.want {
		return nil
	}
	p, err := c.fetchPack(ctx, s, caps, packRequest{
		wants: []plumbing.Hash{tip.hash}, haves: []plumbing.Hash{target.want}, commitsOnly: true,
	}, limits)
	if err != nil {
		return err
	}
	defer p.Close()
	seen := map[plumbing.Hash]bool{}
	for next := []plumbing.Hash{tip.hash}; len(next) > 0; {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[at] || !p.Has(at) {
			continue // reached before, or before both
		}
		seen[at] = true
		commit, err := p.Commit(at)
		if err != nil {
			return s.failed("reading the history of "+tip.name+" in", err)
		}
		for _, parent := range commit.ParentHashes {
			if parent == target.want {
				return nil
			}
			next = append(next, parent)
		}
	}
	return s.notInHistory(target, tip.name)
}

func (s *session) notInHistory(target Resolved, where string) error {
	return fault.Retry(meta.ReasonGitOperationFailed,
		fmt.Errorf("looking for commit %s in %s: it is not in the history of %s", target.Commit, s.shown, where),
		fault.Hint("check spec.ref"))
}
