package request

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/health"
)

// maxExpressions is how many compiled expressions of each sort are kept.
const maxExpressions = 1000

// Expressions compiles what specs say in CEL, each text once.
type Expressions struct {
	health *health.Compiler
	ready  *depends.Compiler
}

// NewExpressions returns a compiler that knows no expression yet.
func NewExpressions() *Expressions {
	alerts := schema.GroupKind{Group: notificationv1.GroupVersion.Group, Kind: notificationv1.AlertKind}
	return &Expressions{health: health.NewCompiler(maxExpressions, alerts), ready: depends.NewCompiler(maxExpressions)}
}

// HealthRules compiles spec.healthCheckExprs; an expression that does not compile
// stalls the unit.
func (e *Expressions) HealthRules(exprs []meta.HealthCheckExprs) (health.Rules, error) {
	rules := make([]health.Rule, 0, len(exprs))
	for _, x := range exprs {
		rules = append(rules, health.Rule{
			APIVersion: x.APIVersion, Kind: x.Kind, Current: x.Current, InProgress: x.InProgress, Failed: x.Failed,
		})
	}
	compiled, err := e.health.Compile(rules)
	if err != nil {
		return compiled, fault.Stalled(meta.ReasonInvalidCELExpression, fmt.Errorf("reading spec.healthCheckExprs: %w", err))
	}
	return compiled, nil
}

// ReadyExpressions compiles the readyExpr of dependencies: one entry for each,
// nil for those without.
func (e *Expressions) ReadyExpressions(dependencies []meta.DependencyReference) ([]*depends.ReadyExpr, error) {
	texts := make([]string, 0, len(dependencies))
	for _, d := range dependencies {
		texts = append(texts, d.ReadyExpr)
	}
	return e.ready.Compile(texts)
}
