package expr

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"
)

const (
	// maxCost ends an evaluation. So many steps take a fraction of a second, and are
	// enough to look at every one of tens of thousands of elements.
	maxCost = 400_000
	// interruptEvery is after how many steps of a loop the context is asked.
	interruptEvery = 100
	// shownIssues and shownText bound what a compile error says.
	shownIssues = 3
	shownText   = 400
)

// Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	program cel.Program
}

// Parse prepares an expression over variables that nobody declares: the
// top-level fields of an object of any kind.
func Parse(text string) (*Program, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, refused(issues)
	}
	return plan(env, parsed)
}

// Compile prepares an expression over the given variables, each of them an
// object. Other names, and a result that is not known to be true or false, are
// refused.
func Compile(text string, variables ...string) (*Program, error) {
	declared := make([]cel.EnvOption, 0, len(variables))
	for _, name := range variables {
		declared = append(declared, cel.Variable(name, cel.MapType(cel.StringType, cel.DynType)))
	}
	env, err := environment(declared...)
	if err != nil {
		return nil, err
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, refused(issues)
	}
	if result := checked.OutputType(); !result.IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("the result is of type %s, not bool", result)
	}
	return plan(env, checked)
}

// environment is what expressions may use.
func environment(more ...cel.EnvOption) (*cel.Env, error) {
	env, err := cel.NewEnv(append([]cel.EnvOption{
		cel.HomogeneousAggregateLiterals(),
		cel.EagerlyValidateDeclarations(true),
		cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true),
		cel.OptionalTypes(),
		ext.Strings(),
		ext.Sets(),
		ext.Encoders(),
	}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("making the CEL environment: %w", err)
	}
	return env, nil
}

func plan(env *cel.Env, checked *cel.Ast) (*Program, error) {
	guard, err := newGuard(env)
	if err != nil {
		return nil, err
	}
	program, err := env.Program(checked,
		cel.CustomDecorator(guard.decorate),
		cel.CostTracking(meter{}),
		cel.CostLimit(maxCost),
		cel.InterruptCheckFrequency(interruptEvery),
	)
	if err != nil {
		return nil, errors.New(cut(oneLine(err.Error())))
	}
	return &Program{program: program}, nil
}

// Holds evaluates the expression. It ends with the context, and in any case
// soon.
func (p *Program) Holds(ctx context.Context, variables map[string]any) (bool, error) {
	value, _, err := p.program.ContextEval(ctx, variables)
	if err != nil {
		return false, presentable(err)
	}
	holds, ok := value.(types.Bool)
	if !ok {
		return false, fmt.Errorf("the result is of type %s, not bool", value.Type().TypeName())
	}
	return bool(holds), nil
}

// refused says what is wrong with the text of an expression and where.
func refused(issues *cel.Issues) error {
	var found []string
	for _, e := range issues.Errors() {
		if len(found) == shownIssues {
			found = append(found, fmt.Sprintf("and %d more", len(issues.Errors())-shownIssues))
			break
		}
		found = append(found, fmt.Sprintf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, oneLine(e.Message)))
	}
	return errors.New(cut(strings.Join(found, "; ")))
}

// harmless knows the errors of an evaluation that hold nothing but names out of
// the expression. Others, those of conversions first of all, quote values.
var harmless = regexp.MustCompile(`^(no such (key|field|attribute\(s\)): [A-Za-z_][A-Za-z0-9_./@-]{0,62}$|no such (overload|key|attribute)|` +
	`(divi(de|sion)|modulus) by zero|index out of bounds|(unsigned )?integer overflow|optional\.none\(\) dereference)`)

// errTooExpensive is the error of an evaluation that reached its bound.
var errTooExpensive = errors.New("it costs more than an expression may")

// presentable is an error of an evaluation without the values it may quote.
func presentable(err error) error {
	text := oneLine(err.Error())
	switch {
	case strings.Contains(text, "cost limit exceeded"), strings.Contains(text, errTooExpensive.Error()):
		return errTooExpensive
	case strings.Contains(text, "operation interrupted"):
		return errors.New("it was interrupted")
	}
	if known := harmless.FindString(text); known != "" {
		return errors.New(known)
	}
	return errors.New("a value in it is not of the form that a function needs")
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func cut(text string) string {
	if len(text) <= shownText {
		return text
	}
	return strings.ToValidUTF8(text[:shownText], "") + "…"
}
