// Package slack sends messages to Slack, through an incoming webhook or through
// the API.
package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	slackapi "github.com/slack-go/slack"

	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
)

// apiAddress is the one address whose answers say in the body whether a message
// was taken.
const apiAddress = "https://slack.com/api/chat.postMessage"

const (
	colorGood = "good"
	colorBad  = "danger"
)

// payload is what the wire contract says is sent. slack-go's own types add keys
// that are not in it, so only its leaf types are used.
type payload struct {
	Channel     string       `json:"channel"`
	Username    string       `json:"username"`
	IconURL     string       `json:"icon_url"`
	IconEmoji   string       `json:"icon_emoji"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Fallback   string                     `json:"fallback"`
	Color      string                     `json:"color"`
	AuthorName string                     `json:"author_name"`
	Text       string                     `json:"text"`
	MrkdwnIn   []string                   `json:"mrkdwn_in"`
	Fields     []slackapi.AttachmentField `json:"fields"`
}

// Service sends through the address of a Provider.
type Service struct {
	Poster *provider.Poster
}

// Check asks for a URL. A webhook needs nothing else, and what is missing for the
// API its answer says.
func (s *Service) Check(settings *provider.Settings) error {
	return provider.CheckHTTPAddress(settings)
}

// Send posts the message.
func (s *Service) Send(ctx context.Context, settings *provider.Settings, m render.Message) error {
	body, err := json.Marshal(compose(settings, m))
	if err != nil {
		return provider.Final(fmt.Errorf("encoding the message: %w", err))
	}
	header := http.Header{}
	if settings.Token != "" {
		header.Set("Authorization", "Bearer "+settings.Token)
	}
	answer, err := s.Poster.Post(ctx, settings, provider.Request{URL: settings.Address, ID: m.ID, Body: body, Header: header})
	if err != nil || settings.Address != apiAddress {
		return err
	}
	return judge(answer)
}

func compose(s *provider.Settings, m render.Message) payload {
	username := s.Username
	if username == "" {
		username = m.Controller
	}
	color := colorGood
	if m.Failed {
		color = colorBad
	}
	fields := make([]slackapi.AttachmentField, 0, len(m.Fields))
	for _, f := range m.Fields {
		fields = append(fields, slackapi.AttachmentField{Title: escape(f.Title), Value: escape(f.Value)})
	}
	return payload{Channel: s.Channel, Username: username, Attachments: []attachment{{
		Fallback: escape(m.Object + ": " + m.FirstLine()), Color: color, AuthorName: escape(m.Object),
		Text: escape(m.Text), MrkdwnIn: []string{"text"}, Fields: fields,
	}}}
}

// judge reads an answer of the API. Only codes that we know are shown, because
// whatever else is in the answer may be an echo of what we sent.
func judge(answer []byte) error {
	var response slackapi.SlackResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		return errors.New("posting to Slack: the answer is not the JSON its API sends")
	}
	switch {
	case response.Ok:
		return nil
	case slices.Contains(passing(), response.Error):
		return fmt.Errorf("posting to Slack: the API answered %s", response.Error)
	case slices.Contains(lasting(), response.Error):
		return provider.Final(fmt.Errorf("posting to Slack: the API answered %s", response.Error))
	default:
		return provider.Final(errors.New("posting to Slack: the API refused the message with a code that is not known here"))
	}
}

// passing are the codes after which trying again can help.
func passing() []string {
	return []string{
		"ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "service_unavailable",
		"request_timeout", "team_added_to_org", "accesslimited",
	}
}

// lasting are codes that need somebody to change something.
func lasting() []string {
	return []string{
		"not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "no_permission", "missing_scope",
		"not_allowed_token_type", "channel_not_found", "not_in_channel", "is_archived", "restricted_action", "no_text",
		"msg_too_long", "too_many_attachments", "invalid_arguments", "invalid_json", "ekm_access_denied", "org_login_required",
		"user_not_in_channel", "invalid_blocks", "messages_tab_disabled",
	}
}
