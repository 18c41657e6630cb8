package expr

import (
	"container/list"
	"strings"
	"sync"
)

// Cache keeps the programs of the expressions asked last, so that each is
// compiled once, however many objects use it. It is safe for concurrent use.
type Cache struct {
	limit int

	mu      sync.Mutex
	entries map[string]*list.Element
	recent  *list.List
}

// compiled is what became of an expression: one that is wrong is remembered as
// well.
type compiled struct {
	key     string
	program *Program
	err     error
}

// NewCache returns a cache of at most so many programs.
func NewCache(limit int) *Cache {
	return &Cache{limit: limit, entries: map[string]*list.Element{}, recent: list.New()}
}

// Parse is the package's Parse.
func (c *Cache) Parse(text string) (*Program, error) {
	return c.get("\x00"+text, func() (*Program, error) { return Parse(text) })
}

// Compile is the package's Compile.
func (c *Cache) Compile(text string, variables ...string) (*Program, error) {
	key := strings.Join(variables, ",") + "\x00" + text
	return c.get(key, func() (*Program, error) { return Compile(text, variables...) })
}

// get compiles outside of the lock: two who need the same expression at the same
// moment both compile it, and nobody waits for somebody else's.
func (c *Cache) get(key string, compile func() (*Program, error)) (*Program, error) {
	if found := c.find(key); found != nil {
		return found.program, found.err
	}
	program, err := compile()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; !ok {
		c.entries[key] = c.recent.PushFront(&compiled{key: key, program: program, err: err})
	}
	for c.recent.Len() > c.limit {
		last := c.recent.Back()
		delete(c.entries, c.recent.Remove(last).(*compiled).key)
	}
	return program, err
}

func (c *Cache) find(key string) *compiled {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(element)
	return element.Value.(*compiled)
}
