// Package outbox is a durable queue of deliveries: what Put has taken is on disk
// and is sent at least once, whatever happens to the process.
//
// A delivery is one file. It is written under a temporary name, synced, renamed,
// and the directory is synced before Put returns; it is removed when the other
// side has taken it. Every state a crash can leave behind is therefore either a
// temporary file, which nobody was promised, or a whole one, which is sent
// (again). A repeated delivery carries the same ID, by which the far side can
// recognise it. Files carry a checksum: one that a broken disk has cut or changed
// is set aside and counted, and never stops the others.
//
// Deliveries of one queue, which is one provider, leave in the order they came,
// one at a time; queues do not wait for each other. A delivery that fails is
// tried again with growing pauses for a day and then becomes a dead letter, kept
// with its reason. Which errors are worth another attempt is the contract of
// provider.Service; nothing is classified here.
package outbox
