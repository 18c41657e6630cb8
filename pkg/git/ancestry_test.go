package git_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/git"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

// TestCommitIsOnItsBranch says that a commit that is shown beside a branch or another
// reference is in the history of it, wherever else it is, and what finding out costs.
func TestCommitIsOnItsBranch(t *testing.T) {
	for _, options := range []gitserver.Options{{AllowAnySHA: true}, {}} {
		for _, filter := range []string{"true", "false"} {
			server := serve(t, options)
			repo, ok, ctx := newRepoNamed(t, server, "repo"), must(t), t.Context()
			if err := repo.Configure(ctx, "uploadpack.allowFilter", filter); err != nil {
				t.Fatal(err)
			}
			at := func(sec int64) time.Time { return time.Unix(1_700_000_000+sec, 0) }
			commit := func(n int64, branch string) string {
				return ok(repo.Apply(ctx, gitserver.Change{Branch: branch, Files: map[string]string{"f": string(rune('a' + n)), "big": strings.Repeat("0123456789", 1000)}, Message: "m", When: at(n)}))
			}
			one := commit(1, "main")
			two := commit(2, "main")
			ok("", repo.Branch(ctx, "release", one))
			ok("", repo.Branch(ctx, "old", two))
			ok(repo.AnnotatedTag(ctx, "v1.0.0", two, "release"))
			fix := commit(3, "release")
			three := commit(4, "main")
			tip := commit(5, "main")
			client := newClient(t)
			for name, tc := range map[string]struct {
				why      string
				ref      git.Reference
				revision string // empty if it is not in the history
			}{
				"Tip":             {"the newest commit of the branch", git.Reference{Commit: tip, Branch: "main"}, "main@sha1:" + tip},
				"Parent":          {"the one before it", git.Reference{Commit: three, Branch: "main"}, "main@sha1:" + three},
				"Older":           {"an older one, which is a tip of others", git.Reference{Commit: two, Branch: "main"}, "main@sha1:" + two},
				"Root":            {"the first one, from before the branch was made", git.Reference{Commit: one, Branch: "release"}, "release@sha1:" + one},
				"OfAnotherBranch": {"a commit of main, the tip of another branch, is none of release", git.Reference{Commit: two, Branch: "release"}, ""},
				"NewestOfOther":   {"nor is its newest", git.Reference{Commit: tip, Branch: "release"}, ""},
				"Newer":           {"nor is one that comes after the tip", git.Reference{Commit: tip, Branch: "old"}, ""},
				"OfRelease":       {"nor the other way round", git.Reference{Commit: fix, Branch: "main"}, ""},
				"Name":            {"a full name as well", git.Reference{Commit: one, Name: "refs/tags/v1.0.0"}, "refs/tags/v1.0.0@sha1:" + one},
				"NameOfTag":       {"the commit of the tag itself", git.Reference{Commit: two, Name: "refs/tags/v1.0.0"}, "refs/tags/v1.0.0@sha1:" + two},
				"NotInName":       {"a full name without it", git.Reference{Commit: fix, Name: "refs/tags/v1.0.0"}, ""},
				"Alone":           {"without a reference it may be anywhere", git.Reference{Commit: fix}, "sha1:" + fix},
			} {
				server.ResetStats()
				got, err := fetch(t, client, git.Remote{URL: repo.URL()}, tc.ref, git.Limits{})
				if tc.revision == "" {
					says(t, name+": "+tc.why, err, []string{"not in the history of refs/", tc.ref.Commit}, nil)
					continue
				}
				if err != nil || got.Revision.String() != tc.revision {
					t.Errorf("%s, %s: got %v, %v", name, tc.why, got, err)
				}
				want := gitserver.Stats{Requests: 2, Advertisements: 1, Fetches: 1}
				if options.AllowAnySHA && (name == "Parent" || name == "Older" || name == "Root" || name == "Name") {
					want = gitserver.Stats{Requests: 3, Advertisements: 1, Fetches: 2}
				}
				stats := server.Stats()
				stats.BytesSent = 0
				if diff := cmp.Diff(want, stats); diff != "" && options.AllowAnySHA {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		}
	}
}
