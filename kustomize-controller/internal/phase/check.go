package phase

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/health"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// healthCheck reads the awaited objects that may have changed and judges them.
type healthCheck struct {
	p     *Phases
	s     *Scope
	rules health.Rules

	waiting, failed []health.Subject
}

func (c *healthCheck) run(ctx context.Context, targets []target) error {
	well := make(map[inventory.ID]string, len(targets))
	for _, t := range targets {
		seen, ok := c.p.Live.Lookup(t.ID)
		if version, was := c.s.Attempt.Well[t.ID]; was && ok && version == seen.ResourceVersion {
			well[t.ID] = version
			continue
		}
		obj, err := c.p.Read(ctx, t.ID, t.version)
		if err != nil {
			return fmt.Errorf("reading %s: %w", t.Subject(), err)
		}
		if verdict := c.judge(ctx, t.ID, obj); verdict.Status == health.Current && obj != nil {
			well[t.ID] = obj.GetResourceVersion()
		}
	}
	c.s.Attempt.Well = well
	return nil
}

func (c *healthCheck) judge(ctx context.Context, id inventory.ID, obj *unstructured.Unstructured) health.Verdict {
	var verdict health.Verdict
	if obj == nil {
		verdict = health.Missing(c.desired(id))
	} else {
		verdict = c.rules.Of(ctx, obj)
	}
	subject := health.Subject{Name: id.Subject(), Status: verdict.Status}
	switch verdict.Status {
	case health.Current:
	case health.Failed:
		c.failed = append(c.failed, subject)
		c.waiting = append(c.waiting, subject)
	default:
		c.waiting = append(c.waiting, subject)
	}
	return verdict
}

func (c *healthCheck) desired(id inventory.ID) *unstructured.Unstructured {
	for _, d := range c.s.Desired {
		if d.ID == id {
			return d.Object
		}
	}
	return nil
}
