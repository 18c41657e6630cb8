package address

import "testing"

func TestIsRemote(t *testing.T) {
	for entry, want := range map[string]bool{
		"app.yaml": false, "../base": false, "./github.com/x/y": false, "a@b.yaml": false, "dir/user@host/x": false, "": false,
		"https://example.com/x": true, "HTTP:x": true, "git::x": true, "GitHub.com/org/repo": true, "github.com:org/repo": true,
		"git@example.com:org/repo": true, "user@dir/sub/x": true, "ssh://x": true, "file:///x": true, "git@github.com:a/b.git?ref=x": true,
	} {
		if IsRemote(entry) != want {
			t.Errorf("%q: want %t", entry, want)
		}
	}
}
