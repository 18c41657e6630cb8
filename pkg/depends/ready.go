package depends

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/health/expr"
)

// The names under which a readyExpr sees the dependent and the dependency.
const (
	selfVariable       = "self"
	dependencyVariable = "dep"
)

// ReadyExpr is a compiled readyExpr. It is safe for concurrent use.
type ReadyExpr struct {
	program *expr.Program
}

// Compiler compiles the readyExpr texts of specs, each of them once. It is safe
// for concurrent use.
type Compiler struct {
	cache *expr.Cache
}

// NewCompiler returns a Compiler that remembers at most so many expressions.
func NewCompiler(expressions int) *Compiler { return &Compiler{cache: expr.NewCache(expressions)} }

// Compile compiles the texts in the order of spec.dependsOn; an empty text gives
// nil. One that cannot be compiled is a stalled fault that names its field.
func (c *Compiler) Compile(texts []string) ([]*ReadyExpr, error) {
	compiled := make([]*ReadyExpr, len(texts))
	for i, text := range texts {
		if text == "" {
			continue
		}
		program, err := c.cache.Compile(text, selfVariable, dependencyVariable)
		if err != nil {
			return nil, fault.Stalled(meta.ReasonInvalidCELExpression,
				fmt.Errorf("reading spec.dependsOn[%d].readyExpr: %w", i, err))
		}
		compiled[i] = &ReadyExpr{program: program}
	}
	return compiled, nil
}

// holds asks the expression. What it may cost is bounded by the expression's own
// limit, so that there is nothing to cancel.
func (r *ReadyExpr) holds(self, dependency map[string]any) error {
	holds, err := r.program.Holds(context.Background(), map[string]any{
		selfVariable: self, dependencyVariable: dependency,
	})
	if err != nil {
		return fmt.Errorf("its readyExpr cannot be evaluated: %w", err)
	}
	if !holds {
		return errors.New("its readyExpr does not hold")
	}
	return nil
}

// Fields returns a whole object as a readyExpr sees it. The kind is given,
// because typed objects do not carry it.
func Fields(obj runtime.Object, kind schema.GroupVersionKind) (map[string]any, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("reading the fields of a %s: %w", kind.Kind, err)
	}
	fields["apiVersion"], fields["kind"] = kind.GroupVersion().String(), kind.Kind
	return fields, nil
}
