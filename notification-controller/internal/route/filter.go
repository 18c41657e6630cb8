package route

import (
	"regexp"
	"slices"

	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
)

// Filter is the inclusion and exclusion list of an Alert, compiled. It holds for
// one generation of the Alert.
type Filter struct {
	onlySome         bool
	include, exclude []*regexp.Regexp
	invalid          []string
}

// NewFilter compiles the lists of an Alert. An entry that does not compile is
// left out; Route reports it.
func NewFilter(alert *notificationv1.Alert) *Filter {
	f := &Filter{onlySome: len(alert.Spec.InclusionList) > 0}
	f.include = f.compile("inclusionList", alert.Spec.InclusionList)
	f.exclude = f.compile("exclusionList", alert.Spec.ExclusionList)
	return f
}

func (f *Filter) compile(field string, expressions []string) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, expression := range expressions {
		re, err := regexp.Compile(expression)
		if err != nil {
			f.invalid = append(f.invalid, "compiling an entry of spec."+field+", which is skipped: "+err.Error())
			continue
		}
		out = append(out, re)
	}
	return out
}

// passes reports whether a message is wanted.
func (f *Filter) passes(message string) bool {
	matches := func(re *regexp.Regexp) bool { return re.MatchString(message) }
	if f.onlySome && !slices.ContainsFunc(f.include, matches) {
		return false
	}
	return !slices.ContainsFunc(f.exclude, matches)
}
