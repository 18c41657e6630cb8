package world

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadRequests(t *testing.T) {
	const us = "system:serviceaccount:flux-system:kustomize-controller"
	line := func(user, stage, verb, uri, object string) string {
		return `{"stage":"` + stage + `","verb":"` + verb + `","requestURI":"` + uri + `","user":{"username":"` + user +
			`"},"objectRef":{` + object + `},"responseStatus":{"code":200}}` + "\n"
	}
	cases := map[string]struct {
		log                   string
		work, leases, watches string
		why                   string
	}{
		"DryRun": {
			log:  line(us, "ResponseComplete", "patch", "/api/v1/x?dryRun=All&force=true", `"resource":"configmaps","name":"a"`),
			work: "    1 patch configmaps (dry run)", why: "a dry-run costs the server as much as a write, and changes nothing",
		},
		"Subresource": {
			log: line(us, "ResponseComplete", "patch", "/apis/x",
				`"resource":"kustomizations","apiGroup":"kustomize.toolkit.fluxcd.io","subresource":"status"`),
			work: "    1 patch kustomizations.kustomize.toolkit.fluxcd.io/status", why: "status requests are counted by themselves",
		},
		"SomebodyElse": {
			log: line(us+"-2", "ResponseComplete", "get", "/api/v1/x", `"resource":"configmaps"`),
			why: "the name of one user may begin with that of another",
		},
		"Watch": {
			log: line(us, "ResponseStarted", "watch", "/api/v1/x", `"resource":"configmaps"`) +
				line(us, "ResponseComplete", "watch", "/api/v1/x", `"resource":"configmaps"`),
			watches: "    1 watch configmaps", why: "a watch is one request, seen when it begins",
		},
		"Lease": {
			log:    line(us, "ResponseComplete", "update", "/apis/x", `"resource":"leases","apiGroup":"coordination.k8s.io"`),
			leases: "    1 update leases.coordination.k8s.io", why: "a lease is what being there costs, not what work costs",
		},
		"NoObject": {
			log:  line(us, "ResponseComplete", "get", "/apis?timeout=32s", ``),
			work: "    1 get /apis", why: "discovery is work, too",
		},
		"HalfALine": {
			log:  line(us, "ResponseComplete", "get", "/api/v1/x", `"resource":"configmaps"`) + `{"stage":"Resp`,
			work: "    1 get configmaps", why: "the server is still writing it",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := readRequests(strings.NewReader(tc.log), us)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{tc.work, tc.leases, tc.watches}
			if diff := cmp.Diff(want, []string{Summary(got.Work), Summary(got.Leases), Summary(got.Watches)}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}
