package route

// Interest says which events a type of Provider takes.
type Interest int

const (
	// Reports are for people, and for services that show them what happened: all
	// events but those that only update the status of a commit.
	Reports Interest = iota
	// Everything is for services that process events themselves.
	Everything
	// CommitStatuses are events from which the status of a commit follows.
	CommitStatuses
	// ChangeRequests are events about an object that belongs to a change request,
	// which is commented on.
	ChangeRequests
)
