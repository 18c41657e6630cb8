package controller

import (
	"context"
	"encoding/json"
	"fmt"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/outbox"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
)

// acceptor takes responsibility for events: it gathers what their routing needs,
// routes them and puts the deliveries into the outbox.
type acceptor struct {
	gather   func(ctx context.Context, event *eventv1.Event) (route.Input, error)
	box      *outbox.Outbox
	reporter *reporter
}

// accept returns nil once every delivery the event leads to is on disk.
func (a *acceptor) accept(ctx context.Context, event eventv1.Event) error {
	input, err := a.gather(ctx, &event)
	if err != nil {
		return err
	}
	result := route.Route(input)
	items := make([]outbox.Item, 0, len(result.Deliveries))
	for _, d := range result.Deliveries {
		body, err := json.Marshal(d)
		if err != nil {
			return fmt.Errorf("encoding a delivery: %w", err)
		}
		items = append(items, outbox.Item{ID: d.ID, Queue: d.Provider.String(), Body: body})
	}
	if err := a.box.Put(items...); err != nil {
		return err
	}
	a.report(result)
	return nil
}

// report comes after storing, so that an event that is sent again is reported
// once.
func (a *acceptor) report(result route.Result) {
	for _, p := range result.Problems {
		a.reporter.warn(p.Alert, p.Reason, p.Message)
	}
	for _, d := range result.Drops {
		a.reporter.log.Info("leaving a notification out", "alert", d.Alert.String(), "why", d.Why)
	}
}
