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

// affordable refuses a text whose evaluation would take more memory or time than
// it is worth: replace-all multiplies lengths, pattern removal squares them, and
// both nest.
func affordable(text string, values map[string]string) error {
	if strings.Count(text, "$") > maxExpressions {
		return fmt.Errorf("it has more than %d expressions", maxExpressions)
	}
	if open := nestedBraces(text); open > maxExpressionN {
		return fmt.Errorf("its expressions are nested more than %d levels deep", maxExpressionN)
	}
	tree, err := parse.Parse(text)
	if err != nil {
		return err
	}
	b := budget{values: values}
	if size := b.size(tree.Root); size > maxExpanded {
		return errExpanded
	}
	if b.work > maxPatternWork {
		return errPattern
	}
	return nil
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

// budget bounds the size of what an expression gives, and the work of patterns.
type budget struct {
	values map[string]string
	work   float64
}

func (b *budget) size(node parse.Node) float64 {
	switch n := node.(type) {
	case *parse.TextNode:
		return float64(len(n.Value))
	case *parse.ListNode:
		total := 0.0
		for _, inner := range n.Nodes {
			total += b.size(inner)
		}
		return total
	case *parse.FuncNode:
		return b.function(n)
	}
	return 0
}

func (b *budget) function(n *parse.FuncNode) float64 {
	// Case mapping may lengthen a value, a length is a short number.
	value := math.Max(20, 3*float64(len(b.values[n.Param])))
	sum, last := 0.0, 0.0
	for _, arg := range n.Args {
		last = b.size(arg)
		sum += last
	}
	switch {
	case n.Name == "//":
		// An empty pattern matches between all characters.
		return (value + 1) * (1 + last)
	case (n.Name == "#" || n.Name == "##" || n.Name == "%" || n.Name == "%%") && len(n.Args) > 0:
		b.work += value * value * (1 + sum)
	}
	return value + sum
}
