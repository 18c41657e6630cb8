// Package schedule remembers what is due when.
package schedule

import (
	"container/heap"
	"time"
)

// Queue holds things with a time each. Adding, removing and taking cost the
// logarithm of their number. The zero value is empty; it is not safe for
// concurrent use.
type Queue[T comparable] struct {
	order byTime[T]
	items map[T]*item[T]
}

type item[T comparable] struct {
	what  T
	at    time.Time
	index int
}

// Has reports that something is in the queue.
func (q *Queue[T]) Has(what T) bool {
	_, ok := q.items[what]
	return ok
}

// Len is the number of things in the queue.
func (q *Queue[T]) Len() int { return len(q.order) }

// Add puts something in the queue that is not there yet, and reports that it is
// the first thing due now.
func (q *Queue[T]) Add(what T, at time.Time) (first bool) {
	if q.Has(what) {
		return false
	}
	if q.items == nil {
		q.items = map[T]*item[T]{}
	}
	it := &item[T]{what: what, at: at}
	q.items[what] = it
	heap.Push(&q.order, it)
	return it.index == 0
}

// Remove takes something out of the queue, if it is there.
func (q *Queue[T]) Remove(what T) {
	if it, ok := q.items[what]; ok {
		heap.Remove(&q.order, it.index)
		delete(q.items, what)
	}
}

// Next returns the time of the first thing due.
func (q *Queue[T]) Next() (at time.Time, ok bool) {
	if len(q.order) == 0 {
		return time.Time{}, false
	}
	return q.order[0].at, true
}

// Take removes and returns what is due, the first thing first.
func (q *Queue[T]) Take(now time.Time) []T {
	var due []T
	for len(q.order) > 0 && !q.order[0].at.After(now) {
		it := q.order[0]
		heap.Pop(&q.order)
		delete(q.items, it.what)
		due = append(due, it.what)
	}
	if len(q.order) == 0 {
		q.items = nil // a map keeps the memory of its largest size
	}
	return due
}

// byTime is a heap ordered by time.
type byTime[T comparable] []*item[T]

// Len is the number of items.
func (b byTime[T]) Len() int { return len(b) }

// Less orders by time.
func (b byTime[T]) Less(i, j int) bool { return b[i].at.Before(b[j].at) }

// Swap exchanges two items.
func (b byTime[T]) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].index, b[j].index = i, j
}

// Push adds an item at the end.
func (b *byTime[T]) Push(x any) {
	it, ok := x.(*item[T])
	if !ok {
		return
	}
	it.index = len(*b)
	*b = append(*b, it)
}

// Pop removes the item at the end.
func (b *byTime[T]) Pop() any {
	last := (*b)[len(*b)-1]
	(*b)[len(*b)-1] = nil
	*b = (*b)[:len(*b)-1]
	return last
}
