package main

import (
	"strings"
	"testing"
)

func TestForbidden(t *testing.T) {
	const list = `
{"ImportPath":"helm.sh/helm/v3/pkg/action","Imports":["fmt"],"DepOnly":true}
{"ImportPath":"example/a","Imports":["example/b","example/c"],"DepOnly":true}
{"ImportPath":"example/b","Imports":["helm.sh/helm/v3/pkg/action"],"DepOnly":true}
{"ImportPath":"example/c","Imports":["example/b"],"DepOnly":true}
{"ImportPath":"example/main","Imports":["example/a","example/c"]}
{"ImportPath":"fmt","Standard":true,"DepOnly":true}`
	cases := map[string]struct {
		why     string
		allowed []string
		want    string
	}{
		"Forbidden": {why: "the chain is shown, and it is a shortest one", want: "example/main example/a example/b helm.sh/helm/v3/pkg/action"},
		"Allowed":   {why: "a binary that needs the library has it", allowed: []string{"helm.sh/helm"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			g, err := decode(strings.NewReader(list))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range g.forbidden(tc.allowed) {
				got = append(got, strings.Join(c, " "))
			}
			if strings.Join(got, ";") != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

func TestWithin(t *testing.T) {
	cases := map[string]struct {
		name, want string
	}{
		"Itself":  {"oras.land/oras-go", "oras.land/oras-go"},
		"Below":   {"oras.land/oras-go/v2/content", "oras.land/oras-go"},
		"Version": {"github.com/aws/aws-sdk-go-v2/service/s3", "github.com/aws/aws-sdk-go"},
		"Beside":  {"sigs.k8s.io/kustomize/apiserver", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := within(tc.name, heavy); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
