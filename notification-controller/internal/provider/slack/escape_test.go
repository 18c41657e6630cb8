package slack

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
)

var update = flag.Bool("update", false, "write the golden files")

func event(severity, message string, metadata map[string]string) eventv1.Event {
	return eventv1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: "Kustomization", Name: "app", Namespace: "team"},
		Severity:       severity, Message: message, Metadata: metadata, ReportingController: "kustomize-controller",
	}
}

// TestGolden: whatever is in a text, Slack shows it and does nothing with it.
func TestGolden(t *testing.T) {
	cases := map[string]eventv1.Event{
		"good":     event(eventv1.SeverityInfo, "Applied revision: main@sha1:1", map[string]string{"revision": "main@sha1:1", "env": "prod"}),
		"multi":    event(eventv1.SeverityError, "Deployment/team/app invalid\r\n\tspec.replicas: must be >= 0\n", nil),
		"mention":  event(eventv1.SeverityError, "<!channel> <!everyone> <@U012AB3CD> <#C1|general> @everyone", map[string]string{"<!here>": "<!subteam^S1>"}),
		"link":     event(eventv1.SeverityError, "<https://evil.example|https://good.example> & &lt;!channel&gt;", nil),
		"html":     event(eventv1.SeverityError, `<script>alert("x")</script><b>bold</b>`, nil),
		"controls": event(eventv1.SeverityError, "a\x00b\x1b[31mred\u202egnp.exe\u2066x", map[string]string{"k\x07": "v\u200f"}),
	}
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			m := render.Of("id", e)
			var out strings.Builder
			fmt.Fprintf(&out, "object: %s\nfailed: %t\ncontroller: %s\nfirst: %s\n", m.Object, m.Failed, m.Controller, escape(m.FirstLine()))
			for _, f := range m.Fields {
				fmt.Fprintf(&out, "field %s: %s\n", escape(f.Title), escape(f.Value))
			}
			fmt.Fprintf(&out, "text:\n%s\n", escape(m.Text))
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("<!channel>")
	f.Add("&lt;!channel&gt;")
	f.Fuzz(func(t *testing.T, text string) {
		out := escape(text)
		if strings.ContainsAny(out, "<>") {
			t.Errorf("%q holds what Slack acts on", out)
		}
		back := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(out)
		if back != text {
			t.Errorf("%q reads as %q", text, back)
		}
	})
}
