// Package ignore leaves fields of objects to others, as rules ask for it: a
// difference in an ignored field is no drift, and an apply that is made for
// another reason leaves the field as it is.
//
// What an apply sends for an ignored field follows from the live object:
//
//   - the object does not exist, or the field is not there: what is desired;
//   - another manager applied the field: nothing, so that it is that manager's;
//   - else: the live value.
//
// The decision is made for every value below an ignored path by itself, and items
// of lists are matched by the keys that managedFields show, because an index says
// where an item is in the source and nothing about where it is in the cluster.
//
// It is a model package: objects and rules in, objects out.
package ignore
