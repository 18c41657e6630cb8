package remotebase

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// TestWhoWaitsDoesNotInheritImpatience covers the moment in which the build that
// fetches a tree gives up while another waits for it.
func TestWhoWaitsDoesNotInheritImpatience(t *testing.T) {
	cases := map[string]struct {
		why     string
		err     error
		fetches int
		wantErr bool
	}{
		"GaveUp": {"the one that waited fetches itself", context.Canceled, 2, false},
		"Failed": {"what failed for one has failed for both", errors.New("not there"), 1, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache := newTrees(4, 1000)
				fetches, end := 0, make(chan struct{})
				first := func(context.Context) (h held, err error) {
					fetches++
					<-end
					return h, c.err
				}
				second := func(context.Context) (held, error) {
					fetches++
					return held{close: func() error { return nil }}, nil
				}
				answers := [2]chan error{make(chan error, 1), make(chan error, 1)}
				for i, fetch := range []func(context.Context) (held, error){first, second} {
					go func() {
						_, err := cache.get(t.Context(), "key", fetch)
						answers[i] <- err
					}()
					synctest.Wait()
				}
				close(end)
				if err := <-answers[0]; err == nil {
					t.Errorf("%s: the first one has a tree", c.why)
				}
				if err := <-answers[1]; (err != nil) != c.wantErr || fetches != c.fetches {
					t.Errorf("%s: %v after %d fetches", c.why, err, fetches)
				}
			})
		})
	}
}

func TestTheTreeUsedLongestAgoGoesFirst(t *testing.T) {
	trees := newTrees(2, 1000)
	var closed []string
	use := func(key string) {
		t.Helper()
		tree, err := trees.get(t.Context(), key, func(context.Context) (held, error) {
			return held{bytes: 1, close: func() error { closed = append(closed, key); return nil }}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.(*view).Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a", "b", "a", "c"} {
		use(key)
	}
	if diff := cmp.Diff([]string{"b"}, closed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := trees.clear(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b", "a", "c"}, closed); diff != "" || trees.bytes != 0 || len(trees.entries) != 0 {
		t.Errorf("(-want +got):\n%s and %d bytes in %d entries are left", diff, trees.bytes, len(trees.entries))
	}
}
