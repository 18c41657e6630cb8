package provider

import (
	"context"

	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
)

// Service is what messages of one type of Provider are sent through. It serves
// all Providers of its type, at the same time; for one Provider Send is called
// once at a time.
//
// Errors follow one contract. Final means that somebody has to change something;
// RetryAfter carries the pause that the far side asked for; every other error,
// however wrapped, may pass and is tried again. Deliver takes secrets out of the
// text of all of them, so a service need not. What the far side answered is never
// part of an error, except for codes the service knows: an answer may be an echo
// of the request.
type Service interface {
	// Check reports what is missing or wrong in the settings, without asking
	// anybody: the form of the address, a token or a channel that the type needs. An
	// error is final, whatever made it.
	Check(s *Settings) error
	// Send makes one attempt. The settings have passed Check, and the context ends
	// with their timeout. It returns nil once the far side has taken the message.
	Send(ctx context.Context, s *Settings, m render.Message) error
}

// Deliver makes one attempt to send a message. Services are called through it
// only: it bounds their time, and shows no secret, whatever they return.
func Deliver(ctx context.Context, service Service, s *Settings, m render.Message) error {
	if err := service.Check(s); err != nil {
		return s.redact(Final(err))
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return s.redact(service.Send(ctx, s, m))
}
