package process_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/capstan-gitops/capstan/e2e/internal/process"
)

func TestStartedOthers(t *testing.T) {
	cases := map[string]struct {
		script string
		want   bool
		why    string
	}{
		"None":      {"echo ready; exec sleep 600", false, "a process that becomes another program has started none"},
		"Running":   {"sleep 5 & echo ready; wait", true, "one runs"},
		"WaitedFor": {"/bin/true; echo ready; exec sleep 600", true, "one ended, and nothing of it is left"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			group := process.NewGroup()
			defer group.Close()
			log := filepath.Join(t.TempDir(), "log")
			p, err := group.Start(process.Spec{Path: "/bin/sh", Args: []string{"-c", tc.script}, Log: log})
			if err != nil {
				t.Fatal(err)
			}
			poll(t, "it says that it is ready", func() bool {
				content, err := os.ReadFile(log)
				return err == nil && len(content) > 0
			})
			got, err := p.StartedOthers()
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("got %t, want %t, because %s", got, tc.want, tc.why)
			}
		})
	}
	t.Run("Ended", func(t *testing.T) {
		group := process.NewGroup()
		defer group.Close()
		p, err := group.Start(process.Spec{Path: "/bin/true", Log: filepath.Join(t.TempDir(), "log")})
		if err != nil {
			t.Fatal(err)
		}
		<-p.Ended()
		if _, err := p.StartedOthers(); err == nil {
			t.Error("nobody can tell any more, and no error")
		}
	})
}
