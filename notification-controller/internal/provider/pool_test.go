package provider

import (
	"errors"
	"net/url"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

func TestPool(t *testing.T) {
	one, other := types.NamespacedName{Namespace: "team", Name: "one"}, types.NamespacedName{Namespace: "team", Name: "other"}
	var released []int
	made := 0
	pool := NewPool(func(c int) { released = append(released, c) })
	steps := []struct {
		why      string
		provider types.NamespacedName
		config   string
		drop     bool
		fails    bool
		want     int
		released []int
	}{
		{"the first message connects", one, "a", false, false, 1, nil},
		{"the next one uses the connection", one, "a", false, false, 1, nil},
		{"another Provider has its own", other, "a", false, false, 2, nil},
		{"what cannot be made replaces nothing", one, "b", false, true, 0, nil},
		{"another configuration replaces it", one, "b", false, false, 4, []int{1}},
		{"the one before is not kept", one, "a", false, false, 5, []int{1, 4}},
		{"a Provider that goes takes its connection along", one, "", true, false, 0, []int{1, 4, 5}},
		{"only once", one, "", true, false, 0, []int{1, 4, 5}},
		{"and leaves the others alone", other, "a", false, false, 2, []int{1, 4, 5}},
	}
	for _, step := range steps {
		if step.drop {
			pool.Drop(step.provider)
		} else {
			got, err := pool.Get(step.provider, DigestOf([]byte(step.config)), func() (int, error) {
				made++
				if step.fails {
					return 0, errors.New("refused")
				}
				return made, nil
			})
			if got != step.want || (err != nil) != step.fails {
				t.Errorf("%s: connection %d (%v), want %d", step.why, got, err, step.want)
			}
		}
		if !slices.Equal(released, step.released) {
			t.Errorf("%s: released %v, want %v", step.why, released, step.released)
		}
	}
}

func TestDigestOf(t *testing.T) {
	if DigestOf([]byte("ab"), nil) == DigestOf([]byte("a"), []byte("b")) {
		t.Error("parts run into each other")
	}
}

func TestClients(t *testing.T) {
	clients := NewClients(egress.Guard{})
	settings := &Settings{Provider: types.NamespacedName{Namespace: "team", Name: "slack"}}
	first, err := clients.Of(settings)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := clients.Of(settings); err != nil || again != first {
		t.Errorf("a client of the same configuration was made again (%v)", err)
	}
	settings.Proxy = &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	second, err := clients.Of(settings)
	if err != nil || second == first {
		t.Errorf("a new proxy is not used (%v)", err)
	}
	clients.Drop(settings.Provider)
	if third, err := clients.Of(settings); err != nil || third == second {
		t.Errorf("after dropping: the same client (%v)", err)
	}
	settings.CA = []byte("canary")
	settings.Provider.Name = "team"
	_, err = clients.Of(settings)
	unusableFor(t, "an authority that is no certificate", err, "reading ca.crt: no PEM certificate found")
}
