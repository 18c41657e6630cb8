// Package generic sends events as they are, as JSON, to any web service, signed
// or not.
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

	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
)

const (
	headerComponent = "gotk-component"
	headerSignature = "X-Signature"
)

// Service posts to the address of a Provider.
type Service struct {
	Poster *provider.Poster
	// Signed adds a signature made with the token.
	Signed bool
}

// Check asks for a URL, and for a token to sign with.
func (s *Service) Check(settings *provider.Settings) error {
	if err := provider.CheckHTTPAddress(settings); err != nil {
		return err
	}
	if s.Signed && settings.Token == "" {
		return errors.New("signing the event: the Secret has no key token")
	}
	return nil
}

// Send posts the event of the message.
func (s *Service) Send(ctx context.Context, settings *provider.Settings, m render.Message) error {
	body, err := json.Marshal(m.Event)
	if err != nil {
		return provider.Final(fmt.Errorf("encoding the event: %w", err))
	}
	header := http.Header{headerComponent: {m.Event.ReportingController}}
	for name, value := range settings.Headers {
		header.Set(name, value)
	}
	if s.Signed {
		header.Set(headerSignature, "sha256="+sign(settings.Token, body))
	}
	_, err = s.Poster.Post(ctx, settings, provider.Request{URL: settings.Address, ID: m.ID, Body: body, Header: header})
	return err
}

func sign(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
