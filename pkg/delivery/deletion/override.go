package deletion

// Override is what a live object says about its own deletion.
type Override int

const (
	// NoOverride leaves the object to the budget.
	NoOverride Override = iota
	// Allowed lets the object be deleted without consent, and does not count it.
	Allowed
	// Protected holds the deletion of the object until there is consent.
	Protected
	// Kept says that the object is not to be deleted at all: it is released, which
	// needs no consent.
	Kept
)
