package meta

// Reason says in one PascalCase word why a condition has its status. The constants
// are the catalogue of all reasons: docs/reasons.md is made from their comments.
type Reason string

// String returns the reason as conditions and events carry it.
func (r Reason) String() string {
	return string(r)
}
