// Package agenda remembers what is due when.
package agenda

import (
	"container/heap"
	"time"
)

// Agenda holds things with a time each. Adding, removing and taking cost the
// logarithm of their number. The zero value is empty; it is not safe for
// concurrent use.
type Agenda[T comparable] struct {
	queue queue[T]
	items map[T]*item[T]
}

type item[T comparable] struct {
	what  T
	at    time.Time
	index int
}

// Has reports that something is on the agenda.
func (a *Agenda[T]) Has(what T) bool {
	_, ok := a.items[what]
	return ok
}

// Len is the number of things on the agenda.
func (a *Agenda[T]) Len() int { return len(a.queue) }

// Add puts something on the agenda that is not there yet, and reports that it is
// the first thing due now.
func (a *Agenda[T]) Add(what T, at time.Time) (first bool) {
	if a.Has(what) {
		return false
	}
	if a.items == nil {
		a.items = map[T]*item[T]{}
	}
	it := &item[T]{what: what, at: at}
	a.items[what] = it
	heap.Push(&a.queue, it)
	return it.index == 0
}

// Remove takes something off the agenda, if it is there.
func (a *Agenda[T]) Remove(what T) {
	if it, ok := a.items[what]; ok {
		heap.Remove(&a.queue, it.index)
		delete(a.items, what)
	}
}

// Next returns the time of the first thing due.
func (a *Agenda[T]) Next() (at time.Time, ok bool) {
	if len(a.queue) == 0 {
		return time.Time{}, false
	}
	return a.queue[0].at, true
}

// Take removes and returns what is due, the first thing first.
func (a *Agenda[T]) Take(now time.Time) []T {
	var due []T
	for len(a.queue) > 0 && !a.queue[0].at.After(now) {
		it := a.queue[0]
		heap.Pop(&a.queue)
		delete(a.items, it.what)
		due = append(due, it.what)
	}
	if len(a.queue) == 0 {
		a.items = nil // a map keeps the memory of its largest size
	}
	return due
}

// queue is a heap ordered by time.
type queue[T comparable] []*item[T]

// Len is the number of items.
func (q queue[T]) Len() int { return len(q) }

// Less orders by time.
func (q queue[T]) Less(i, j int) bool { return q[i].at.Before(q[j].at) }

// Swap exchanges two items.
func (q queue[T]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push adds an item at the end.
func (q *queue[T]) Push(x any) {
	it, ok := x.(*item[T])
	if !ok {
		return
	}
	it.index = len(*q)
	*q = append(*q, it)
}

// Pop removes the item at the end.
func (q *queue[T]) Pop() any {
	last := (*q)[len(*q)-1]
	(*q)[len(*q)-1] = nil
	*q = (*q)[:len(*q)-1]
	return last
}
