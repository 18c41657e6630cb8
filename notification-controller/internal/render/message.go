package render

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
)

// Message is what a provider is given to send.
type Message struct {
	// ID is equal for every attempt to send the message.
	ID string
	// Object is the kind in lower case, the name and the namespace, as in
	// "kustomization/app.team".
	Object string
	// Failed is true for an event of severity error.
	Failed bool
	// Text of the event, of one or more lines.
	Text string
	// Fields are the metadata, sorted by title.
	Fields []Field
	// Controller is who reported.
	Controller string
	// Event is the event itself, for services that take it as it is.
	Event eventv1.Event
}

// Field is one piece of metadata.
type Field struct {
	Title, Value string
}

// Of returns the message of an event.
func Of(id string, event eventv1.Event) Message {
	object := event.InvolvedObject
	m := Message{
		ID: id, Object: plain(strings.ToLower(object.Kind) + "/" + object.Name + "." + object.Namespace),
		Failed: event.Severity == eventv1.SeverityError, Text: plain(event.Message),
		Controller: plain(event.ReportingController), Event: event,
	}
	for key, value := range event.Metadata {
		m.Fields = append(m.Fields, Field{Title: plain(key), Value: plain(value)})
	}
	slices.SortFunc(m.Fields, func(a, b Field) int { return cmp.Or(cmp.Compare(a.Title, b.Title), cmp.Compare(a.Value, b.Value)) })
	return m
}

// FirstLine returns the first line of the text.
func (m Message) FirstLine() string {
	line, _, _ := strings.Cut(strings.TrimSpace(m.Text), "\n")
	return line
}

// plain takes out what is not text: control characters, and those that turn the
// direction of what follows and so can make a text read as another.
func plain(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		default:
			return r
		}
	}, text)
}
