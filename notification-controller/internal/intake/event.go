package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
)

// decode reads an event and bounds its message.
func decode(body []byte) (eventv1.Event, error) {
	var event eventv1.Event
	if err := json.Unmarshal(body, &event); err != nil {
		return event, fmt.Errorf("decoding the event: %w", err)
	}
	object := event.InvolvedObject
	if object.Kind == "" || object.Name == "" || object.Namespace == "" {
		return event, errors.New("decoding the event: involvedObject needs kind, name and namespace")
	}
	event.Message = cut(event.Message)
	return event, nil
}

func cut(message string) string {
	if utf8.RuneCountInString(message) <= eventv1.MaxMessageLength {
		return message
	}
	return string([]rune(message)[:eventv1.MaxMessageLength-3]) + "..."
}

// clean keeps the metadata that is for consumers: keys of the event group and of
// the object's own, without digests, which only say again what the revision says.
func clean(event *eventv1.Event) {
	group := route.Group(event)
	kept := map[string]string{}
	for key, value := range event.Metadata {
		own := strings.HasPrefix(key, group+"/")
		if !own && !strings.HasPrefix(key, eventv1.Group+"/") {
			continue
		}
		if strings.EqualFold(key, eventv1.Key(group, eventv1.MetaChecksumKey)) ||
			strings.EqualFold(key, eventv1.Key(group, eventv1.MetaDigestKey)) {
			continue
		}
		kept[key] = value
	}
	event.Metadata = kept
}

// key is what two events that say the same have in common. Severity, reason and
// time are no part of it.
func key(event *eventv1.Event) string {
	object := event.InvolvedObject
	parts := []string{
		"event", "name=" + object.Name, "namespace=" + object.Namespace, "kind=" + object.Kind,
		"message=" + event.Message,
	}
	group := route.Group(event)
	for _, suffix := range []string{eventv1.MetaOriginRevisionKey, eventv1.MetaRevisionKey, eventv1.MetaTokenKey} {
		if value, ok := event.Metadata[eventv1.Key(group, suffix)]; ok {
			parts = append(parts, suffix+"="+value)
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "/")))
	return hex.EncodeToString(sum[:])
}
