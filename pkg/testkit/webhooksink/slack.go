package webhooksink

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// APIPath is where the sink serves Slack's chat.postMessage.
const APIPath = "/api/chat.postMessage"

// Message is what a reader of the channel would see.
type Message struct {
	Channel, Username string
	// Color, Author, Text and Fallback are those of the first attachment.
	Color, Author, Text, Fallback string
	Fields                        map[string]string
}

type slackPayload struct {
	Channel     string `json:"channel"`
	Username    string `json:"username"`
	Text        string `json:"text"`
	Attachments []struct {
		Color      string `json:"color"`
		AuthorName string `json:"author_name"`
		Text       string `json:"text"`
		Fallback   string `json:"fallback"`
		Fields     []struct {
			Title string `json:"title"`
			Value string `json:"value"`
		} `json:"fields"`
	} `json:"attachments"`
}

// Message decodes a request as a Slack message.
func (r Request) Message() (Message, error) {
	var p slackPayload
	if err := json.Unmarshal(r.Body, &p); err != nil {
		return Message{}, fmt.Errorf("decoding a Slack message: %w", err)
	}
	m := Message{Channel: p.Channel, Username: p.Username, Text: p.Text, Fields: map[string]string{}}
	if len(p.Attachments) == 0 {
		return m, nil
	}
	a := p.Attachments[0]
	m.Color, m.Author, m.Text, m.Fallback = a.Color, a.AuthorName, a.Text, a.Fallback
	for _, f := range a.Fields {
		m.Fields[f.Title] = f.Value
	}
	return m, nil
}

// reply is what Slack would answer.
type reply struct {
	status int
	body   string
	api    bool
}

func (r reply) ok() bool {
	return r.status == http.StatusOK && (!r.api || strings.Contains(r.body, `"ok":true`))
}

func (r reply) contentType() string {
	if r.api {
		return "application/json; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}

// judge answers as Slack does: its API says 200 to everything and answers in the
// body, incoming webhooks answer with a code and a word.
func judge(r *http.Request, body []byte) reply {
	var p slackPayload
	err := json.Unmarshal(body, &p)
	empty := p.Text == "" && len(p.Attachments) == 0
	if r.URL.Path == APIPath {
		switch {
		case !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
			return apiReply("not_authed")
		case err != nil:
			return apiReply("invalid_json")
		case p.Channel == "":
			return apiReply("channel_not_found")
		case empty:
			return apiReply("no_text")
		}
		return reply{status: http.StatusOK, api: true, body: `{"ok":true}`}
	}
	switch {
	case r.Method != http.MethodPost || err != nil:
		return reply{status: http.StatusBadRequest, body: "invalid_payload"}
	case empty:
		return reply{status: http.StatusBadRequest, body: "no_text"}
	}
	return reply{status: http.StatusOK, body: "ok"}
}

func apiReply(code string) reply {
	return reply{status: http.StatusOK, api: true, body: fmt.Sprintf(`{"ok":false,"error":%q}`, code)}
}
