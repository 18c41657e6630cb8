package route

import (
	"context"
	"regexp"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
)

// allNames in an event source stands for every object of the kind.
const allNames = "*"

// matches tells whether the Alert is about the event.
func (p *pass) matches(ctx context.Context) bool {
	sources := p.alert.Spec.EventSources
	if !slices.ContainsFunc(sources, func(s notificationv1.CrossNamespaceObjectReference) bool { return p.matchesSource(ctx, s) }) {
		return false
	}
	list := p.router.lists.of(p.alert)
	for _, invalid := range list.invalid {
		p.problem(meta.ReasonInvalidConfig, "%s", invalid)
	}
	return list.passes(p.event.Message)
}

func (p *pass) matchesSource(ctx context.Context, source notificationv1.CrossNamespaceObjectReference) bool {
	object := p.event.InvolvedObject
	namespace := source.Namespace
	if namespace == "" {
		namespace = p.alert.Namespace
	}
	switch {
	case object.Namespace != namespace || object.Kind != source.Kind:
		return false
	case p.alert.Spec.EventSeverity == eventv1.SeverityError && p.event.Severity != eventv1.SeverityError:
		return false
	case source.Name != allNames && source.Name != object.Name:
		return false
	}
	return len(source.MatchLabels) == 0 || p.matchesLabels(ctx, source)
}

func (p *pass) matchesLabels(ctx context.Context, source notificationv1.CrossNamespaceObjectReference) bool {
	selector, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchLabels: source.MatchLabels})
	if err != nil {
		p.problem(meta.ReasonInvalidConfig, "reading matchLabels of the event source %s/%s: %v", source.Kind, source.Name, err)
		return false
	}
	if !p.asked {
		p.asked = true
		p.labels, p.labelsErr = p.router.Labels(ctx, p.event.InvolvedObject)
	}
	if p.labelsErr != nil {
		object := p.event.InvolvedObject
		p.problem(meta.ReasonSourceFetchFailed, "reading the labels of %s/%s in namespace %s: %v",
			object.Kind, object.Name, object.Namespace, p.labelsErr)
		return false
	}
	return selector.Matches(labels.Set(p.labels))
}

// list is the inclusion and exclusion list of an Alert, compiled.
type list struct {
	generation       int64
	onlySome         bool
	include, exclude []*regexp.Regexp
	invalid          []string
}

// passes tells whether a message is wanted.
func (l *list) passes(message string) bool {
	matches := func(re *regexp.Regexp) bool { return re.MatchString(message) }
	if l.onlySome && !slices.ContainsFunc(l.include, matches) {
		return false
	}
	return !slices.ContainsFunc(l.exclude, matches)
}

func compile(alert *notificationv1beta3.Alert) *list {
	l := &list{generation: alert.Generation, onlySome: len(alert.Spec.InclusionList) > 0}
	l.include = l.compile("inclusionList", alert.Spec.InclusionList)
	l.exclude = l.compile("exclusionList", alert.Spec.ExclusionList)
	return l
}

func (l *list) compile(field string, expressions []string) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, expression := range expressions {
		re, err := regexp.Compile(expression)
		if err != nil {
			l.invalid = append(l.invalid, "compiling an entry of spec."+field+", which is skipped: "+err.Error())
			continue
		}
		out = append(out, re)
	}
	return out
}

// lists keeps what was compiled until the generation of the Alert changes.
type lists struct {
	mu    sync.Mutex
	byUID map[types.UID]*list
}

func (l *lists) of(alert *notificationv1beta3.Alert) *list {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.byUID[alert.UID]; known != nil && known.generation == alert.Generation {
		return known
	}
	if l.byUID == nil {
		l.byUID = map[types.UID]*list{}
	}
	compiled := compile(alert)
	l.byUID[alert.UID] = compiled
	return compiled
}

// keep forgets Alerts that are gone, once there are clearly more known than left.
func (l *lists) keep(alerts []notificationv1beta3.Alert) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.byUID) <= 2*len(alerts) {
		return
	}
	kept := make(map[types.UID]*list, len(alerts))
	for i := range alerts {
		if known := l.byUID[alerts[i].UID]; known != nil {
			kept[alerts[i].UID] = known
		}
	}
	l.byUID = kept
}
