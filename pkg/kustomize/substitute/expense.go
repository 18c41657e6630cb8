package substitute

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/fluxcd/pkg/envsubst/parse"
)

const (
	maxExpressions = 20_000
	maxExpressionN = 32
	maxExpanded    = 4 << 20
	maxPatternWork = 1 << 27
)

var (
	errExpanded = fmt.Errorf("the result has more than %d bytes", maxExpanded)
	errPattern  = errors.New("a pattern is too expensive for the value it is matched with")
)

// parseText parses a text that is not absurdly full of expressions.
func parseText(text string) (*parse.Tree, error) {
	if strings.Count(text, "$") > maxExpressions {
		return nil, fmt.Errorf("it has more than %d expressions", maxExpressions)
	}
	if open := nestedBraces(text); open > maxExpressionN {
		return nil, fmt.Errorf("its expressions are nested more than %d levels deep", maxExpressionN)
	}
	return parse.Parse(text)
}

// nestedBraces is an upper bound of how deep expressions are nested within one
// another. An escaped one counts, which only makes the bound higher.
func nestedBraces(text string) int {
	deepest, open := 0, 0
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "${"):
			open++
			deepest = max(deepest, open)
			i++
		case text[i] == '}':
			open = max(0, open-1)
		}
	}
	return deepest
}

// survey is what an evaluation would use and cost. The language evaluates every
// argument, whether its value is needed or not; so whatever is written counts.
type survey struct {
	p *Program
	// bytes is the size of the result, work that of matching patterns.
	bytes, work float64
	missing     map[string]bool
	sensitive   bool
}

func (p *Program) survey(root parse.Node) *survey {
	s := &survey{p: p, missing: map[string]bool{}}
	s.bytes = s.size(root)
	return s
}

// affordable refuses a text whose evaluation would take more memory or time than
// it is worth: replace-all multiplies lengths, pattern removal squares them, and
// both nest.
func (s *survey) affordable() error {
	if s.bytes > maxExpanded {
		return errExpanded
	}
	if s.work > maxPatternWork {
		return errPattern
	}
	return nil
}

func (s *survey) size(node parse.Node) float64 {
	switch n := node.(type) {
	case *parse.TextNode:
		return float64(len(n.Value))
	case *parse.ListNode:
		total := 0.0
		for _, inner := range n.Nodes {
			total += s.size(inner)
		}
		return total
	case *parse.FuncNode:
		return s.function(n)
	}
	return 0
}

func (s *survey) function(n *parse.FuncNode) float64 {
	text, set := s.p.values[n.Param]
	s.sensitive = s.sensitive || (set && s.p.sensitive[n.Param])
	if !set && !hasDefault(n.Name) {
		s.missing[clip(n.Param)] = true
	}
	// Case mapping may lengthen a value, a length is a short number.
	value := math.Max(20, 3*float64(len(text)))
	sum, last := 0.0, 0.0
	for _, arg := range n.Args {
		last = s.size(arg)
		sum += last
	}
	switch {
	case n.Name == "//":
		// An empty pattern matches between all characters.
		return (value + 1) * (1 + last)
	case (n.Name == "#" || n.Name == "##" || n.Name == "%" || n.Name == "%%") && len(n.Args) > 0:
		s.work += value * value * (1 + sum)
	}
	return value + sum
}

// hasDefault reports whether an operator gives its argument where the variable is
// not set.
func hasDefault(operator string) bool {
	switch operator {
	case "-", "+", "=", "?", ":-", ":+", ":=", ":?":
		return true
	}
	return false
}
