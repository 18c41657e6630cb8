package controller

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/capstan-gitops/capstan/notification-controller/internal/intake"
	"github.com/capstan-gitops/capstan/notification-controller/internal/outbox"
)

// pipeline runs intake and outbox together: the intake ends first, so that nothing
// is put into an outbox that was closed.
type pipeline struct {
	box    *outbox.Outbox
	server *intake.Server
}

// NeedLeaderElection says that every replica accepts and sends.
func (p *pipeline) NeedLeaderElection() bool { return false }

// Start accepts and sends until the context ends.
func (p *pipeline) Start(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- p.box.Start(ctx) }()
	err := p.server.Start(ctx)
	cancel()
	return errors.Join(err, <-sent, p.box.Close())
}

// jitter makes a pause up to a tenth longer.
func jitter(d time.Duration) time.Duration { return wait.Jitter(d, jitterFactor) }
