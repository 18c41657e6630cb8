package steps

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/testkit/webhooksink"
)

// Colours that Slack shows a message in.
const (
	Good   = "good"
	Danger = "danger"
)

// listen has everything that happens to the scene's objects reported in Slack, at an address of its own.
func (s *Scene) listen() {
	s.t.Helper()
	provider := &notificationv1.Provider{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "slack"}}
	provider.Spec = notificationv1.ProviderSpec{
		Type:             notificationv1.SlackProvider,
		ProviderSettings: notificationv1.ProviderSettings{Address: s.world.Slack.URL() + s.channel(), Channel: "stories"},
	}
	alert := &notificationv1.Alert{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "everything"}}
	alert.Spec = notificationv1.AlertSpec{
		ProviderRef: meta.LocalObjectReference{Name: provider.Name}, EventSeverity: "info",
		EventSources: []notificationv1.CrossNamespaceObjectReference{
			{Kind: kustomizev1.KustomizationKind, Name: "*"}, {Kind: sourcev1.GitRepositoryKind, Name: "*"},
		},
	}
	s.must("creating the Provider", s.client.Create(s.t.Context(), provider))
	s.must("creating the Alert", s.client.Create(s.t.Context(), alert))
}

func (s *Scene) channel() string { return "/" + s.Namespace }

// SlackHears waits until Slack has heard a message of a colour that contains every one of the texts.
func (s *Scene) SlackHears(color string, texts ...string) {
	s.t.Helper()
	s.log(fmt.Sprintf("and Slack hears %q (%s)", texts, color))
	ctx, cancel := context.WithTimeoutCause(s.t.Context(), Hearing, fmt.Errorf("not within %s", Hearing))
	defer cancel()
	if _, err := s.world.Slack.WaitFor(ctx, func(all []webhooksink.Request) bool {
		return count(s.messages(all), color, texts) > 0
	}); err != nil {
		s.t.Fatalf("waiting until Slack hears %q: %v\n%s", texts, err, s.transcript())
	}
}

// SlackHeard checks how often Slack has heard a message.
func (s *Scene) SlackHeard(times int, color string, texts ...string) {
	s.t.Helper()
	if n := count(s.messages(s.world.Slack.Received()), color, texts); n != times {
		s.t.Fatalf("Slack heard %q (%s) %d times, not %d\n%s", texts, color, n, times, s.transcript())
	}
}

func count(messages []webhooksink.Message, color string, texts []string) int {
	n := 0
	for _, m := range messages {
		all := strings.Join(append(slices.Collect(maps.Values(m.Fields)), m.Author, m.Text, m.Fallback), "\n")
		if m.Color == color && containsAll(all, texts) {
			n++
		}
	}
	return n
}

func containsAll(text string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

// messages returns what was accepted in the scene's channel.
func (s *Scene) messages(all []webhooksink.Request) []webhooksink.Message {
	var messages []webhooksink.Message
	for _, r := range all {
		if !r.Accepted || r.URI != s.channel() {
			continue
		}
		if m, err := r.Message(); err == nil {
			messages = append(messages, m)
		}
	}
	return messages
}

// transcript is what somebody who reads the channel would have seen.
func (s *Scene) transcript() string {
	var text strings.Builder
	text.WriteString("Slack transcript:\n")
	for _, r := range s.world.Slack.Received() {
		if r.URI != s.channel() {
			continue
		}
		m, err := r.Message()
		if err != nil {
			m.Text = err.Error()
		}
		fmt.Fprintf(&text, "  %s [%s] %s: %s %v (accepted: %t)\n", r.At.Format(time.TimeOnly), m.Color, m.Author, m.Text, m.Fields, r.Accepted)
	}
	return text.String()
}
