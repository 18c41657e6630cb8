// Package parallel does the same to many things, some of them at once.
package parallel

import "sync"

// Map calls f for all items, at most so many at a time, and returns what it
// returned, in the order of the items. A panic in f becomes one of the caller, who
// is prepared for it, as soon as the calls that had begun have ended.
func Map[T, R any](workers int, items []T, f func(T) R) []R {
	results := make([]R, len(items))
	panics := make(chan any, len(items))
	busy := make(chan struct{}, workers)
	var group sync.WaitGroup
	for i, item := range items {
		busy <- struct{}{}
		if len(panics) > 0 {
			break
		}
		group.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panics <- p
				}
				<-busy
			}()
			results[i] = f(item)
		})
	}
	group.Wait()
	if len(panics) > 0 {
		panic(<-panics)
	}
	return results
}
