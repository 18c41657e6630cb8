package cell

// The targets of the engine for 300 units of 4 objects on 2 cores. Times are in milliseconds, CPU
// in seconds, memory in MiB.
const (
	installWall, installRequests, installCPU = 14000, 3700, 7
	noopWall, noopRequests, noopCPU          = 2000, 330, 1
	tickRequests                             = 0
	commitApplied, commitAll                 = 600, 2500
	commitRequests, commitCPU                = 340, 1.5
	driftLatency                             = 300
	restartBusy, restartRequests, restartCPU = 2500, 60, 1.5
	memory                                   = 180
	// deletionLatency allows for the two seconds that pass before an object that is gone is created again.
	deletionLatency = driftLatency + 2000
	// emptyReady is what S7 allows until everything is ready after a start with empty storage.
	emptyReady = 5000
)
