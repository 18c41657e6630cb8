package phase

import (
	"context"
	"errors"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/tenancy"
)

// Accept refuses what no pass could do anything about: expressions that do not
// compile, and references that are not allowed.
type Accept struct {
	// Expressions compiles what specs say in CEL.
	Expressions *request.Expressions
	// Allow says what units may ask for.
	Allow Allow
}

// Allow says what units may ask for.
type Allow struct {
	// CrossNamespace allows references into other namespaces.
	CrossNamespace bool
	// ExternalArtifact allows sources that others than source-controller offer.
	ExternalArtifact bool
	// WorkloadIdentity allows units to name the ServiceAccount under which key
	// services and other clusters are reached.
	WorkloadIdentity bool
}

// Run sets the compiled expressions.
func (p Accept) Run(_ context.Context, s *Scope) reconciler.Outcome {
	for _, check := range []func(*Scope) error{p.expressions, p.gates, p.references} {
		if err := check(s); err != nil {
			return reconciler.Fail(err)
		}
	}
	return reconciler.Continue()
}

func (p Accept) expressions(s *Scope) (err error) {
	if s.Rules, err = p.Expressions.HealthRules(s.Object.Spec.HealthCheckExprs); err != nil {
		return err
	}
	if s.Ready, err = p.Expressions.ReadyExpressions(s.Object.Spec.DependsOn); err != nil {
		return err
	}
	s.Ignore, err = request.IgnoreRules(s.Object.Spec.Ignore)
	return err
}

func (p Accept) gates(s *Scope) error {
	spec := &s.Object.Spec
	switch {
	case spec.SourceRef.Kind == sourcev1.ExternalArtifactKind && !p.Allow.ExternalArtifact:
		return fault.Stalled(meta.ReasonAccessDenied,
			errors.New("reading spec.sourceRef: sources of kind ExternalArtifact are switched off"),
			fault.Hint("start the controller with --feature-gates=ExternalArtifact=true"))
	case spec.Decryption != nil && spec.Decryption.ServiceAccountName != "" && !p.Allow.WorkloadIdentity:
		return fault.Stalled(meta.ReasonFeatureGateDisabled,
			errors.New("reading spec.decryption.serviceAccountName: workload identity of objects is switched off"),
			fault.Hint("start the controller with --feature-gates=ObjectLevelWorkloadIdentity=true"))
	}
	return nil
}

func (p Accept) references(s *Scope) error {
	err := tenancy.CheckReference("spec.sourceRef", s.Unit.Namespace, s.Object.Spec.SourceRef.Namespace, !p.Allow.CrossNamespace)
	for i, dep := range s.Object.Spec.DependsOn {
		if err == nil {
			err = tenancy.CheckReference(fmt.Sprintf("spec.dependsOn[%d]", i), s.Unit.Namespace, dep.Namespace, !p.Allow.CrossNamespace)
		}
	}
	return err
}
