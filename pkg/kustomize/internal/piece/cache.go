package piece

import (
	"container/list"
	"encoding/json"
	"errors"
	"sync"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// overhead is roughly what an object costs in the cache besides its text.
const overhead = 160

// Cache keeps what pieces gave, as JSON, which takes a fraction of the memory of
// the objects and gives the garbage collector nothing to follow. It may be used by
// many goroutines.
type Cache struct {
	limit  int64
	cutter cutter

	mu      sync.Mutex
	size    int64
	entries map[string]*list.Element
	recent  *list.List
}

// entry is what one piece gave, or what became of one object.
type entry struct {
	key  string
	json [][]byte
	ids  []string
	size int64
	// sensitive belongs to an object.
	sensitive bool
}

// NewCache returns a cache of at most limit bytes, for pieces of at most run
// objects.
func NewCache(limit int64, run int) *Cache {
	return &Cache{limit: limit, cutter: cutter{run}, entries: map[string]*list.Element{}, recent: list.New()}
}

// Object is a built object and what it is known by.
type Object struct {
	object *unstructured.Unstructured
	json   []byte
	// Identity is equal for equal objects: a digest of everything the object was
	// made from. It is empty where nothing is known.
	Identity string
}

// Made returns an object of which nothing is known.
func Made(obj *unstructured.Unstructured) Object { return Object{object: obj} }

// Object returns the object, which is the caller's to change.
func (o Object) Object() (*unstructured.Unstructured, error) {
	if o.object != nil {
		return o.object, nil
	}
	return decode(o.json)
}

func decode(data []byte) (*unstructured.Unstructured, error) {
	obj := map[string]any{}
	if err := kjson.Unmarshal(data, &obj); err != nil {
		return nil, errors.New("a kept object cannot be read")
	}
	return &unstructured.Unstructured{Object: obj}, nil
}

// Finished returns what became of an object, and whether that is sensitive, if it
// was kept under key.
func (c *Cache) Finished(key string) (obj *unstructured.Unstructured, sensitive, ok bool) {
	if c == nil {
		return nil, false, false
	}
	have := c.get(key)
	if have == nil {
		return nil, false, false
	}
	obj, err := decode(have.json[0])
	return obj, have.sensitive, err == nil
}

// Keep keeps what became of an object.
func (c *Cache) Keep(key string, obj *unstructured.Unstructured, sensitive bool) {
	if c == nil || !valid(obj.Object) {
		return
	}
	data, err := json.Marshal(obj.Object)
	if err != nil {
		return
	}
	c.put(&entry{key: key, json: [][]byte{data}, size: int64(len(data)+len(key)) + overhead, sensitive: sensitive})
}

// objects returns the objects of a piece, which are the caller's to change, and
// the identities of all that was compared.
func (c *Cache) objects(w *work) ([]Object, []string, bool) {
	if have := c.get(w.key); have != nil {
		out := make([]Object, 0, len(have.json))
		for i, data := range have.json {
			out = append(out, Object{json: data, Identity: w.identity(i)})
		}
		return out, have.ids, true
	}
	objects, ids, ok := w.run()
	if !ok {
		return nil, nil, false
	}
	fresh := &entry{key: w.key, ids: ids}
	out := make([]Object, 0, len(objects))
	for i, obj := range objects {
		// Text that is not UTF-8 would come back changed.
		data, err := json.Marshal(obj.Object)
		if err != nil || !valid(obj.Object) {
			return nil, nil, false
		}
		out = append(out, Object{object: obj, Identity: w.identity(i)})
		fresh.json = append(fresh.json, data)
		fresh.size += int64(len(data)) + overhead
	}
	for _, id := range ids {
		fresh.size += int64(len(id))
	}
	c.put(fresh)
	return out, ids, true
}

func (c *Cache) get(key string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.entries[key]
	if element == nil {
		return nil
	}
	c.recent.MoveToFront(element)
	return element.Value.(*entry)
}

func (c *Cache) put(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[e.key] != nil || e.size > c.limit {
		return
	}
	c.entries[e.key] = c.recent.PushFront(e)
	c.size += e.size
	for c.size > c.limit {
		last := c.recent.Back()
		c.recent.Remove(last)
		old := last.Value.(*entry)
		delete(c.entries, old.key)
		c.size -= old.size
	}
}

func valid(value any) bool {
	switch v := value.(type) {
	case string:
		return utf8.ValidString(v)
	case map[string]any:
		for key, inner := range v {
			if !utf8.ValidString(key) || !valid(inner) {
				return false
			}
		}
	case []any:
		for _, inner := range v {
			if !valid(inner) {
				return false
			}
		}
	}
	return true
}
