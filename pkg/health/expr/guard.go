package expr

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// guard replaces the calls whose work has to be known before it is done by ones
// that refuse when it is too much.
type guard struct {
	functions map[string]functions.FunctionOp
}

// prices of the guarded functions, from their arguments; more than maxCost is
// refused. An argument of another type costs nothing: the function refuses it.
var prices = map[string]func(args []ref.Val) uint64{
	operators.Equals:    deep,
	operators.NotEquals: deep,
	operators.In:        deep,
	operators.OldIn:     deep,
	"sets.contains":     pairs,
	"sets.equivalent":   pairs,
	"sets.intersects":   pairs,
	"replace":           replaced,
	"join":              joined,
	"format":            formatted,
	overloads.Matches:   matched,
}

// newGuard finds what the guarded functions do in an environment.
func newGuard(env *cel.Env) (*guard, error) {
	g := &guard{functions: make(map[string]functions.FunctionOp, len(prices))}
	for name, decl := range env.Functions() {
		if prices[name] == nil {
			continue
		}
		bindings, err := decl.Bindings()
		if err != nil {
			return nil, fmt.Errorf("making the CEL environment: %w", err)
		}
		for _, b := range bindings {
			if b.Operator == name {
				g.functions[name] = operation(b)
			}
		}
	}
	g.functions[operators.Equals] = func(args ...ref.Val) ref.Val { return types.Equal(args[0], args[1]) }
	g.functions[operators.NotEquals] = func(args ...ref.Val) ref.Val {
		return types.Bool(types.Equal(args[0], args[1]) != types.True)
	}
	return g, nil
}

// operation is a binding as a function of any number of arguments.
func operation(b *functions.Overload) functions.FunctionOp {
	return func(args ...ref.Val) ref.Val {
		switch {
		case len(args) == 0 || b.OperandTrait != 0 && !args[0].Type().HasTrait(b.OperandTrait):
		case len(args) == 1 && b.Unary != nil:
			return b.Unary(args[0])
		case len(args) == 2 && b.Binary != nil:
			return b.Binary(args[0], args[1])
		case b.Function != nil:
			return b.Function(args...)
		}
		return types.NewErr("no such overload")
	}
}

// decorate is asked about every node of a program when it is planned. What is
// wrong with a constant is found out here, not when the program is asked.
func (g *guard) decorate(node interpreter.Interpretable) (interpreter.Interpretable, error) {
	call, ok := node.(interpreter.InterpretableCall)
	if !ok {
		return node, nil
	}
	name, args := call.Function(), call.Args()
	if err := checkConstants(call); err != nil {
		return nil, err
	}
	price, run := prices[name], g.functions[name]
	if price == nil || run == nil {
		return node, nil
	}
	return interpreter.NewCall(call.ID(), name, call.OverloadID(), args, func(values ...ref.Val) ref.Val {
		if price(values) > maxCost {
			return types.NewErr("%s", errTooExpensive)
		}
		return run(values...)
	}), nil
}

// checkConstants refuses a conversion or a pattern that can never succeed.
func checkConstants(call interpreter.InterpretableCall) error {
	args := call.Args()
	switch {
	case call.Function() == overloads.Matches && len(args) == 2:
		pattern, ok := args[1].(interpreter.InterpretableConst)
		if !ok || pattern.Value().Type() != types.StringType {
			return nil
		}
		if _, err := regexp.Compile(string(pattern.Value().(types.String))); err != nil {
			return fmt.Errorf("reading a pattern: %w", err)
		}
	case overloads.IsTypeConversionFunction(call.Function()) && len(args) == 1:
		if _, ok := args[0].(interpreter.InterpretableConst); !ok {
			return nil
		}
		if value := call.Eval(interpreter.EmptyActivation()); types.IsError(value) {
			return fmt.Errorf("converting a constant with %s: %v", call.Function(), value)
		}
	}
	return nil
}

// weight is the work of walking values to their ends, or something above the
// bound as soon as that is reached: values can share parts so often that nobody
// could ever walk them.
func weight(values ...ref.Val) uint64 {
	left := int64(maxCost)
	for _, v := range values {
		if left = walk(v, left); left < 0 {
			break
		}
	}
	return uint64(maxCost - left)
}

// walk subtracts the weight of a value from what is left, and stops below zero.
func walk(v ref.Val, left int64) int64 {
	left--
	switch v := v.(type) {
	case types.String:
		return left - int64(len(v))/10
	case types.Bytes:
		return left - int64(len(v))/10
	case *types.Optional:
		if v.HasValue() {
			return walk(v.GetValue(), left)
		}
	case traits.Lister:
		for it := v.Iterator(); left >= 0 && it.HasNext() == types.True; {
			left = walk(it.Next(), left)
		}
	case traits.Mapper:
		for it := v.Iterator(); left >= 0 && it.HasNext() == types.True; {
			key := it.Next()
			left = walk(v.Get(key), walk(key, left))
		}
	}
	return left
}

func deep(args []ref.Val) uint64 { return weight(args...) }

// pairs is the work of comparing everything with everything.
func pairs(args []ref.Val) uint64 {
	if len(args) != 2 {
		return 0
	}
	a, b := weight(args[0]), weight(args[1])
	return a*size(args[1]) + b*size(args[0])
}

// replaced is the length of the longest possible result.
func replaced(args []ref.Val) uint64 {
	if len(args) < 3 {
		return 0
	}
	text, old, replacement := size(args[0]), size(args[1]), size(args[2])
	return (text + (text/max(old, 1)+1)*replacement) / 10
}

// joined is the length of the result.
func joined(args []ref.Val) uint64 {
	total := weight(args[0])
	if len(args) == 2 {
		total += size(args[0]) * size(args[1]) / 10
	}
	return total
}

// precision finds numbers in a format that ask for more digits than any number
// has.
var precision = regexp.MustCompile(`%\.[0-9]{4,}`)

func formatted(args []ref.Val) uint64 {
	if text, ok := args[0].(types.String); ok && precision.MatchString(string(text)) {
		return maxCost + 1
	}
	return weight(args...)
}

// matched is the length of the text times that of the program that the pattern
// makes.
func matched(args []ref.Val) uint64 {
	if len(args) != 2 {
		return 0
	}
	pattern, ok := args[1].(types.String)
	if !ok {
		return 0
	}
	instructions := len(pattern)
	if parsed, err := syntax.Parse(string(pattern), syntax.Perl); err == nil {
		if program, err := syntax.Compile(parsed.Simplify()); err == nil {
			instructions = len(program.Inst)
		}
	}
	return (1 + size(args[0])/10) * (1 + uint64(instructions)/4)
}

// size is the number of characters or elements.
func size(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v))
	case types.Bytes:
		return uint64(len(v))
	case traits.Sizer:
		if n, ok := v.Size().(types.Int); ok {
			return uint64(n)
		}
	}
	return 1
}

// meter adds up what calls cost. It goes by names, because the overload of a
// call is not known in a program that was only parsed.
type meter struct{}

// CallCost is asked after every call.
func (meter) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	cost := uint64(1)
	switch {
	case prices[function] != nil:
		cost += prices[function](args)/10 + text(result)/10
	case function == operators.Add && len(args) == 2 && !isText(args[0]):
		// Appending to a list shares it; doubling one is what grows.
		cost += min(size(args[0]), size(args[1])) / 10
	case strings.HasPrefix(function, "_") || strings.HasPrefix(function, "@"):
		if function != operators.Index && function != operators.Conditional {
			cost += texts(args)/10 + text(result)/10
		}
	default:
		cost += texts(args)/10 + text(result)/10
		if list, ok := result.(traits.Lister); ok {
			cost += size(list)
		}
	}
	return &cost
}

func isText(v ref.Val) bool { return v.Type() == types.StringType || v.Type() == types.BytesType }

func text(v ref.Val) uint64 {
	if v != nil && isText(v) {
		return size(v)
	}
	return 0
}

func texts(values []ref.Val) (sum uint64) {
	for _, v := range values {
		sum += text(v)
	}
	return sum
}
