package scenario

// Targets: times are in milliseconds, memory in MiB unless said otherwise.
const (
	// quiet is how many requests nothing dirty costs.
	quiet = 0
	// churnTimes is how many times the CPU of an idle cluster one may cost whose Deployments report their status all the
	// time: the controllers see these writes, and nothing comes of them.
	churnTimes = 3
	// commitApplied and commitAll are what the engine promises for a commit at 300 units; commitCPU is in seconds.
	commitApplied, commitAll, commitCPU = 600, 2500, 1.5
	// deletionLatency allows for the two seconds that pass before an object that is gone is created again.
	deletionLatency = 300 + 2000
	// emptyReady is what S7 allows until everything is ready after a start with empty storage.
	emptyReady      = 5000
	restartRequests = 60

	// hugeBusy is how busy both cores are while a huge unit is applied, in percent.
	hugeBusy = 85
	// hugeTimes is how many times as fast it is as one object at a time.
	hugeTimes = 2.5
	// hugeChangeRequests and hugeChangeWall are what a change of one object costs.
	hugeChangeRequests, hugeChangeWall = 5, 2000
	// hugePage is how many objects a list has per request at least. A pass without change costs kustomize-controller a list, of which
	// the last page may be empty, and a status write.
	hugePage, hugeNoopBeside = 500, 2
	// statusBytes is the most that a status may be.
	statusBytes = 1 << 20

	// neighbourTimes is how many times as long a commit may take beside units that fail. It is 1 but for noise.
	neighbourTimes = 1.5
	// linkWall is what a link of a chain of dependencies may take.
	linkWall = 200
	// definitionRequests is what all definitions together may make the controllers ask: about nothing.
	definitionRequests = 10
	// objectBytes is what a watched object may take.
	objectBytes = 300
)
