package stream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/utils/clock"
)

// pageSize is the number of objects a list answers at a time. Metadata of as many
// are a few megabytes. An API server takes a page from its watch cache in
// milliseconds, and answers one more, without objects, behind a last page that is
// full: smaller pages cost requests and save little.
const pageSize = 2000

// Pauses between attempts to list or watch double from the first to the last.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = time.Minute
)

// errRelist ends a session whose watch cannot go on from where it was.
var errRelist = errors.New("the watch has to start over with a list")

// Source is where streams read.
type Source struct {
	// Metadata reads and watches object metadata.
	Metadata metadata.Interface
	// Mapper finds the resource of a kind.
	Mapper apimeta.RESTMapper
	// Clock is the time; the real one when nil.
	Clock clock.WithTicker
	// Log is where streams that fail are noted.
	Log logr.Logger
}

// Complete checks the source and fills in the clock.
func (s *Source) Complete() error {
	if s.Metadata == nil || s.Mapper == nil {
		return errors.New("a metadata client and a mapper are needed")
	}
	if s.Clock == nil {
		s.Clock = clock.RealClock{}
	}
	return nil
}

// Scope is what a stream reads: a kind, and which objects of it.
type Scope struct {
	// GroupKind is the kind.
	schema.GroupKind
	// Namespace restricts the stream to a namespace, Name to one object.
	Namespace, Name string
	// Labels restricts it to objects that a label selector matches.
	Labels string
}

// options returns what restricts lists and watches to the scope.
func (s Scope) options() metav1.ListOptions {
	opts := metav1.ListOptions{LabelSelector: s.Labels}
	if s.Name != "" {
		opts.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, s.Name).String()
	}
	return opts
}

// Sink takes in what a stream reads, one call after another.
type Sink interface {
	// Begin starts to take in a list. A list that is not ended is void.
	Begin() List
	// Opened says that the watch that follows a list is open.
	Opened()
	// Event takes in what the watch reported: an object, the metadata of one that is
	// gone, or a bookmark, of which only the resource version counts.
	Event(what watch.EventType, obj metav1.Object)
	// Failed says that nothing can be read at present. The stream tries again.
	Failed(why Reason)
}

// List takes in the objects of a list.
type List interface {
	// Item takes in one object.
	Item(obj *metav1.PartialObjectMetadata)
	// Restart drops all items: the list begins anew.
	Restart()
	// End says that the list is complete, and which version of the cluster it shows.
	End(resourceVersion string)
}

// Stream reads a scope into a sink.
type Stream struct {
	source Source
	scope  Scope
	sink   Sink
	again  chan struct{} // ends a pause before the next attempt
	relist atomic.Bool
}

// New returns a stream that does not run yet.
func New(source Source, scope Scope, sink Sink) *Stream {
	return &Stream{source: source, scope: scope, sink: sink, again: make(chan struct{}, 1)}
}

// Retry ends the pause that a failed stream makes.
func (s *Stream) Retry() {
	select {
	case s.again <- struct{}{}:
	default:
	}
}

// Relist has the stream start over with a list.
func (s *Stream) Relist() {
	s.relist.Store(true)
	s.Retry()
}

// Relisting reports that a list was asked for and has not begun.
func (s *Stream) Relisting() bool { return s.relist.Load() }

// Run lists and watches until ctx ends.
func (s *Stream) Run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		worked, err := s.session(ctx)
		if worked {
			pause = firstPause
		}
		if ctx.Err() != nil {
			return
		}
		if worked && errors.Is(err, errRelist) {
			continue
		}
		s.source.Log.V(1).Info("cannot watch", "kind", s.scope.GroupKind.String(),
			"namespace", s.scope.Namespace, "name", s.scope.Name, "error", err.Error())
		s.sink.Failed(ReasonOf(err))
		s.pause(ctx, pause)
		pause = min(2*pause, lastPause)
	}
}

// pause waits before the next attempt, a little differently for every stream.
func (s *Stream) pause(ctx context.Context, d time.Duration) {
	timer := s.source.Clock.NewTimer(d + rand.N(d/4))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	case <-s.again:
	}
}

// session lists and then watches until the watch cannot go on. It reports whether
// the watch worked at all: a server that accepts watches and ends them at once is
// not asked without a pause.
func (s *Stream) session(ctx context.Context) (worked bool, err error) {
	s.relist.Store(false)
	resource, err := s.resource()
	if err != nil {
		return false, err
	}
	rv, err := s.list(ctx, resource, s.sink.Begin())
	if err != nil {
		return false, err
	}
	for {
		next, lived, err := s.follow(ctx, resource, rv)
		worked = worked || lived
		if err != nil {
			return worked, err
		}
		rv = next
	}
}

// Read makes one list, beside those of Run, into a list of its own.
func (s *Stream) Read(ctx context.Context, into List) error {
	resource, err := s.resource()
	if err != nil {
		return err
	}
	_, err = s.list(ctx, resource, into)
	return err
}

func (s *Stream) resource() (metadata.ResourceInterface, error) {
	mapping, err := s.source.Mapper.RESTMapping(s.scope.GroupKind)
	if err != nil {
		return nil, fmt.Errorf("finding the resource of %s: %w", s.scope.GroupKind, err)
	}
	resource := s.source.Metadata.Resource(mapping.Resource)
	if s.scope.Namespace != "" && mapping.Scope.Name() == apimeta.RESTScopeNameNamespace {
		return resource.Namespace(s.scope.Namespace), nil
	}
	return resource, nil
}

// list reads the scope in pages. Without a resource version the answer is as new
// as the moment the list began.
func (s *Stream) list(ctx context.Context, resource metadata.ResourceInterface, into List) (string, error) {
	opts := s.scope.options()
	opts.Limit = pageSize
	for {
		page, err := resource.List(ctx, opts)
		if apierrors.IsResourceExpired(err) && opts.Continue != "" {
			opts.Continue, opts.Limit = "", 0
			into.Restart()
			continue
		}
		if err != nil {
			return "", fmt.Errorf("listing %s: %w", s.scope.GroupKind, err)
		}
		for i := range page.Items {
			into.Item(&page.Items[i])
		}
		if opts.Continue = page.Continue; opts.Continue == "" {
			into.End(page.ResourceVersion)
			return page.ResourceVersion, nil
		}
	}
}

// follow watches from a version on until the server ends the watch, and returns
// the version to go on from, and whether the watch worked.
func (s *Stream) follow(ctx context.Context, resource metadata.ResourceInterface, rv string) (next string, worked bool, err error) {
	seconds := int64(300 + rand.N(300))
	opts := s.scope.options()
	opts.ResourceVersion, opts.AllowWatchBookmarks, opts.TimeoutSeconds = rv, true, &seconds
	w, err := resource.Watch(ctx, opts)
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return "", false, errRelist
	}
	if err != nil {
		return "", false, fmt.Errorf("watching %s: %w", s.scope.GroupKind, err)
	}
	defer w.Stop()
	opened := s.source.Clock.Now()
	s.sink.Opened()
	next, err = s.consume(ctx, w, rv)
	worked = s.relist.Load() || next != rv || s.source.Clock.Since(opened) >= time.Second
	if err == nil && !worked {
		err = fmt.Errorf("watching %s: the server ended the watch at once", s.scope.GroupKind)
	}
	return next, worked, err
}

// consume takes in the events of a watch and returns the version it came to.
func (s *Stream) consume(ctx context.Context, w watch.Interface, rv string) (string, error) {
	for {
		select {
		case <-ctx.Done():
			return rv, ctx.Err()
		case <-s.again:
			if s.relist.Load() {
				return rv, errRelist
			}
		case e, ok := <-w.ResultChan():
			if !ok {
				return rv, nil
			}
			if e.Type == watch.Error {
				return rv, errorOf(e)
			}
			obj, err := apimeta.Accessor(e.Object)
			if err != nil {
				return rv, fmt.Errorf("reading watch event: %w", err)
			}
			rv = obj.GetResourceVersion()
			s.sink.Event(e.Type, obj)
		}
	}
}

// errorOf reads the error that ended a watch. Whatever it is, the next thing to
// do is a list: an expired version is the usual cause.
func errorOf(e watch.Event) error {
	if err := apierrors.FromObject(e.Object); apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return err
	}
	return errRelist
}
