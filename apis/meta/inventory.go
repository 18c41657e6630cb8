package meta

// ResourceInventory lists the objects that a unit owns: what was applied for it, and
// is still there.
type ResourceInventory struct {
	// Entries of the inventory.
	Entries []ResourceRef `json:"entries"`

	// Inputs is the digest of everything that shaped the last successful reconcile,
	// bound to the entries.
	// +optional
	Inputs string `json:"inputs,omitempty"`
}

// ResourceRef is an object that a unit owns.
type ResourceRef struct {
	// ID of the object: <namespace>_<name>_<group>_<kind>.
	ID string `json:"id"`

	// Version of the object's API, without group.
	Version string `json:"v"`

	// Ledger is the record of what was applied and what the cluster answered, 16
	// characters.
	// +optional
	Ledger string `json:"l,omitempty"`

	// Dropped names fields that were left out of the object when it was applied: the
	// API server does not have them, or sets them itself.
	// +optional
	Dropped []string `json:"d,omitempty"`
}
