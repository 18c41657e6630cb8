// Package generic sends events as they are, as JSON, to any web service; signed
// if the type is generic-hmac.
package generic

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
)

const (
	headerComponent = "gotk-component"
	headerSignature = "X-Signature"
)

// Send posts the event of the message.
func Send(ctx context.Context, p *provider.Poster, m render.Message) error {
	body, err := json.Marshal(m.Event)
	if err != nil {
		return provider.Final(fmt.Errorf("encoding the event: %w", err))
	}
	header := http.Header{headerComponent: {m.Event.ReportingController}}
	for name, value := range p.Settings.Headers {
		header.Set(name, value)
	}
	if p.Settings.Type == notificationv1beta3.GenericHMACProvider {
		if p.Settings.Token == "" {
			return provider.Final(errors.New("signing the event: the Secret has no key token"))
		}
		header.Set(headerSignature, "sha256="+sign(p.Settings.Token, body))
	}
	_, err = p.Post(ctx, m.ID, body, header)
	return err
}

func sign(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
