// Package metafake is a metadata API in memory, for tests of what lists and
// watches: it keeps a history, pages its lists, forgets old versions, refuses what
// a test wants refused, and counts its requests.
package metafake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
)

// Server is a metadata API. Its kinds are what its mapper has.
type Server struct {
	mu       sync.Mutex
	version  int
	oldest   int // older versions are forgotten
	uids     int
	objects  map[schema.GroupVersionResource]map[types.NamespacedName]*metav1.PartialObjectMetadata
	history  []change
	watchers map[*watcher]struct{}
	lists    int
	watches  int
	refuse   func(Request) error
}

// Request is something that was asked for.
type Request struct {
	// Verb is list or watch.
	Verb string
	// Resource, Namespace and Name are what was asked for.
	Resource        string
	Namespace, Name string
	// Continue says that the request is for a further page.
	Continue bool
}

type change struct {
	version int
	what    watch.EventType
	gvr     schema.GroupVersionResource
	obj     *metav1.PartialObjectMetadata
}

type watcher struct {
	*resource
	selects func(*metav1.PartialObjectMetadata) bool
	out     *watch.RaceFreeFakeWatcher
}

// New returns an empty server.
func New() *Server {
	return &Server{
		version: 100, objects: map[schema.GroupVersionResource]map[types.NamespacedName]*metav1.PartialObjectMetadata{},
		watchers: map[*watcher]struct{}{},
	}
}

// Mapper returns a mapper of kinds whose resources are the kinds in lower case
// with an s; those that are named as cluster-wide have no namespaces.
func Mapper(namespaced, clusterWide []schema.GroupKind) *apimeta.DefaultRESTMapper {
	var versions []schema.GroupVersion
	for _, gk := range slices.Concat(namespaced, clusterWide) {
		versions = append(versions, gk.WithVersion("v1").GroupVersion())
	}
	m := apimeta.NewDefaultRESTMapper(versions)
	for _, gk := range namespaced {
		m.Add(gk.WithVersion("v1"), apimeta.RESTScopeNamespace)
	}
	for _, gk := range clusterWide {
		m.Add(gk.WithVersion("v1"), apimeta.RESTScopeRoot)
	}
	return m
}

// Put creates or changes an object.
func (s *Server) Put(gvr schema.GroupVersionResource, obj *metav1.PartialObjectMetadata) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	at := types.NamespacedName{Namespace: obj.Namespace, Name: obj.Name}
	if s.objects[gvr] == nil {
		s.objects[gvr] = map[types.NamespacedName]*metav1.PartialObjectMetadata{}
	}
	what := watch.Modified
	obj = obj.DeepCopy()
	if old, ok := s.objects[gvr][at]; ok {
		obj.UID = old.UID
	} else {
		s.uids++
		what, obj.UID = watch.Added, types.UID(fmt.Sprintf("uid-%d", s.uids))
	}
	obj.ResourceVersion = strconv.Itoa(s.version)
	s.objects[gvr][at] = obj
	s.report(change{s.version, what, gvr, obj})
}

// Remove deletes an object.
func (s *Server) Remove(gvr schema.GroupVersionResource, namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	at := types.NamespacedName{Namespace: namespace, Name: name}
	obj := s.objects[gvr][at].DeepCopy()
	obj.ResourceVersion = strconv.Itoa(s.version)
	delete(s.objects[gvr], at)
	s.report(change{s.version, watch.Deleted, gvr, obj})
}

func (s *Server) report(c change) {
	s.history = append(s.history, c)
	for w := range s.watchers {
		w.send(c)
	}
}

func (w *watcher) send(c change) {
	if c.gvr == w.gvr && w.selects(c.obj) {
		w.out.Action(c.what, c.obj.DeepCopy())
	}
}

// Refuse has requests answered with the errors that f returns; nil ends that.
func (s *Server) Refuse(f func(Request) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = f
}

// Hush keeps what happens in f from those who watch.
func (s *Server) Hush(f func()) {
	s.mu.Lock()
	watchers := s.watchers
	s.watchers = map[*watcher]struct{}{}
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.watchers, watchers)
}

// Expire forgets the history and ends all watches with an error that says so.
func (s *Server) Expire() {
	status := apierrors.NewResourceExpired("too old").ErrStatus
	s.end(func(w *watcher) { w.out.Error(&status) }, true)
}

// Close ends all watches, as servers do from time to time.
func (s *Server) Close() { s.end(func(*watcher) {}, false) }

func (s *Server) end(last func(*watcher), forget bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if forget {
		s.oldest = s.version
	}
	for w := range s.watchers {
		last(w)
		w.out.Stop()
	}
	clear(s.watchers)
}

// Turn sets the version, for servers that go back in time.
func (s *Server) Turn(version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version, s.oldest, s.history = version, 0, nil
}

// Counts returns how many lists and watches were asked for so far.
func (s *Server) Counts() (lists, watches int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists, s.watches
}

// Open returns what is watched now: namespace and name, sorted.
func (s *Server) Open() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []string
	for w := range s.watchers {
		if !w.out.IsStopped() {
			open = append(open, w.namespace+"/"+w.name)
		}
	}
	slices.Sort(open)
	return open
}

// Resource returns the resource of a kind.
func (s *Server) Resource(gvr schema.GroupVersionResource) metadata.Getter {
	return &resource{server: s, gvr: gvr}
}

// resource answers lists and watches; everything else is refused by a panic.
type resource struct {
	metadata.ResourceInterface
	server    *Server
	gvr       schema.GroupVersionResource
	namespace string
	name      string
}

// Namespace restricts to a namespace.
func (r *resource) Namespace(namespace string) metadata.ResourceInterface {
	return &resource{server: r.server, gvr: r.gvr, namespace: namespace}
}

// check refuses what is to be refused, and reads the selectors.
func (r *resource) check(verb string, opts metav1.ListOptions) (func(*metav1.PartialObjectMetadata) bool, error) {
	byField, err := fields.ParseSelector(opts.FieldSelector)
	if err != nil {
		return nil, err
	}
	byLabel, err := labels.Parse(opts.LabelSelector)
	if err != nil {
		return nil, err
	}
	r.name, _ = byField.RequiresExactMatch(metav1.ObjectNameField)
	if f := r.server.refuse; f != nil {
		if err := f(Request{verb, r.gvr.Resource, r.namespace, r.name, opts.Continue != ""}); err != nil {
			return nil, err
		}
	}
	return func(o *metav1.PartialObjectMetadata) bool {
		return (r.namespace == "" || o.Namespace == r.namespace) && (r.name == "" || o.Name == r.name) &&
			byLabel.Matches(labels.Set(o.Labels))
	}, nil
}

// List answers a list in pages.
func (r *resource) List(_ context.Context, opts metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	selects, err := (&resource{server: s, gvr: r.gvr, namespace: r.namespace}).check("list", opts)
	if err != nil {
		return nil, err
	}
	var found []*metav1.PartialObjectMetadata
	for _, o := range s.objects[r.gvr] {
		if selects(o) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b *metav1.PartialObjectMetadata) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	from := 0
	if opts.Continue != "" {
		if from, err = strconv.Atoi(opts.Continue); err != nil {
			return nil, err
		}
	}
	list := &metav1.PartialObjectMetadataList{}
	list.ResourceVersion = strconv.Itoa(s.version)
	to := len(found)
	if opts.Limit > 0 && from+int(opts.Limit) < to {
		to = from + int(opts.Limit)
		list.Continue = strconv.Itoa(to)
	}
	for _, o := range found[from:to] {
		list.Items = append(list.Items, *o.DeepCopy())
	}
	return list, nil
}

// Watch replays the history from a version on, and goes on with what happens.
func (r *resource) Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches++
	own := &resource{server: s, gvr: r.gvr, namespace: r.namespace}
	selects, err := own.check("watch", opts)
	if err != nil {
		return nil, err
	}
	from, err := strconv.Atoi(opts.ResourceVersion)
	if err != nil || from < s.oldest {
		return nil, apierrors.NewResourceExpired("too old")
	}
	w := &watcher{resource: own, selects: selects, out: watch.NewRaceFreeFake()}
	for _, c := range s.history {
		if c.version > from {
			w.send(c)
		}
	}
	s.watchers[w] = struct{}{}
	context.AfterFunc(ctx, w.out.Stop)
	return w.out, nil
}
