package git

import (
	"context"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/revision"
)

// Resolve says which commit a reference stands for now. It asks the server
// once for its references, and not at all for a commit named by its hash. Tags
// of equal version precedence are ordered by the dates of their commits,
// which costs a second, small request.
func (c *Client) Resolve(ctx context.Context, remote Remote, ref Reference) (Resolved, error) {
	if ref.Commit != "" {
		if _, err := ParseURL(remote.URL); err != nil {
			return Resolved{}, err
		}
		return ref.resolvePinned()
	}
	wanted, err := ref.lookup()
	if err != nil {
		return Resolved{}, err
	}
	s, err := c.open(remote)
	if err != nil {
		return Resolved{}, err
	}
	defer s.close()
	var best newest
	near := &nearby{wanted: wanted}
	adv, err := s.advertise(ctx, func(name string, _ plumbing.Hash) bool {
		near.see(name)
		if wanted.ranges != nil {
			return best.offer(wanted.ranges, name)
		}
		return name == wanted.name
	})
	if err != nil {
		return Resolved{}, err
	}
	found, err := c.choose(ctx, s, adv, near, best)
	if err != nil {
		return Resolved{}, err
	}
	shown := wanted.shown
	if wanted.ranges != nil {
		shown = strings.TrimPrefix(found.name, tagsPrefix)
	}
	commit := found.commit().String()
	return Resolved{
		Commit: commit, Reference: found.name, Revision: revision.New(shown, hashAlgorithm, commit),
		want: found.hash, base: s.base, caps: adv.caps,
	}, nil
}

// choose picks the one reference that was looked for.
func (c *Client) choose(ctx context.Context, s *session, adv *advertisement, near *nearby, best newest) (advertised, error) {
	wanted := near.wanted
	candidates := adv.refs
	if wanted.ranges != nil {
		candidates = best.among(adv.refs)
	}
	if len(candidates) == 0 {
		return advertised{}, fault.Retry(meta.ReasonGitOperationFailed,
			fmt.Errorf("resolving %s of %s: the server lists no such reference among %d", wanted, s.shown, adv.total),
			fault.Hint("%s", near.hint(strings.TrimPrefix(adv.caps["symref"], "HEAD:"))))
	}
	if wanted.ranges == nil {
		return candidates[0], nil
	}
	return c.latest(ctx, s, adv.caps, candidates)
}

// newest keeps the highest version offered so far.
type newest struct {
	version *semver.Version
}

// offer reports whether the name is a tag in the range that is at least as high
// as the best so far.
func (n *newest) offer(ranges *semver.Constraints, name string) bool {
	v, ok := versionOf(name)
	if !ok || !ranges.Check(v) || n.version != nil && v.LessThan(n.version) {
		return false
	}
	n.version = v
	return true
}

// among returns the references whose version is as high as the best.
func (n *newest) among(refs []advertised) []advertised {
	var tied []advertised
	for _, ref := range refs {
		if v, ok := versionOf(ref.name); ok && n.version != nil && !v.LessThan(n.version) {
			tied = append(tied, ref)
		}
	}
	return tied
}

// versionOf reads the version of a tag, which has three parts and may begin
// with v.
func versionOf(name string) (*semver.Version, bool) {
	tag, ok := strings.CutPrefix(name, tagsPrefix)
	if !ok || len(tag) > maxNameLength || checkName(name) != nil {
		return nil, false
	}
	v, err := semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
	return v, err == nil
}

// latest picks, of tags with equal precedence, the one with the youngest
// commit; of those with equal dates, the last by name.
func (c *Client) latest(ctx context.Context, s *session, caps capabilities, tied []advertised) (advertised, error) {
	if len(tied) > maxTiedTags {
		tied = tied[len(tied)-maxTiedTags:]
	}
	same := true
	for _, ref := range tied {
		same = same && ref.commit() == tied[0].commit()
	}
	if same {
		return tied[len(tied)-1], nil
	}
	request := packRequest{depth: 1, commitsOnly: true}
	for _, ref := range tied {
		request.wants = append(request.wants, ref.hash)
	}
	p, err := c.fetchPack(ctx, s, caps, request, Limits{}.withDefaults())
	if err != nil {
		return advertised{}, err
	}
	defer p.Close()
	best, when := advertised{}, int64(0)
	var wrong error
	for _, ref := range tied {
		commit, err := p.Commit(ref.hash)
		if err != nil {
			// A tag may be on a file, which is no version of the repository.
			wrong = fmt.Errorf("%s: %w", lookup{name: ref.name}, err)
			continue
		}
		if t := commit.Committer.When.Unix(); best.name == "" || t >= when {
			best, when = ref, t
		}
	}
	if best.name == "" {
		return advertised{}, s.failed("comparing the tags of", wrong)
	}
	return best, nil
}
