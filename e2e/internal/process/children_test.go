package process_test

import "testing"

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
			p, ready := shell(t, tc.script)
			poll(t, "it says that it is ready", ready)
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
		p, _ := shell(t, "exit 0")
		<-p.Ended()
		if _, err := p.StartedOthers(); err == nil {
			t.Error("nobody can tell any more, and no error")
		}
	})
}
